#include "compare/npz.hpp"

#include <zip.h>

#include <algorithm>
#include <exception>
#include <set>

#include "compare/npy.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

constexpr std::uint64_t kMostArrays = 4096;
constexpr std::uint64_t kMostNpzBytes = 1ULL << 32U;  // of one array
// Deflate makes at most 1032 bytes of one.
constexpr std::uint64_t kMostInflated = 1032;

// The file as libzip reads it: through the file system that the caller gave, never by a name of its own.
struct Source {
  std::unique_ptr<ReadableFile> file;
  std::uint64_t size = 0;
  std::uint64_t position = 0;
  zip_error_t error{};

  zip_int64_t Fail(int zip, int system) {
    ::zip_error_set(&error, zip, system);
    return -1;
  }

  zip_int64_t Read(void* into, zip_uint64_t length) {
    const std::uint64_t count = std::min<std::uint64_t>(length, size - position);
    try {
      file->ReadAt(position, {static_cast<std::byte*>(into), count});
    } catch (const std::exception&) {
      return Fail(ZIP_ER_READ, EIO);
    }
    position += count;
    return static_cast<zip_int64_t>(count);
  }

  zip_int64_t Seek(void* arguments, zip_uint64_t length) {
    const zip_int64_t place = ::zip_source_seek_compute_offset(position, size, arguments, length, &error);
    if (place < 0) return -1;
    position = static_cast<std::uint64_t>(place);
    return 0;
  }

  zip_int64_t Answer(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
      case ZIP_SOURCE_OPEN:
        position = 0;
        return 0;
      case ZIP_SOURCE_READ:
        return Read(data, length);
      case ZIP_SOURCE_SEEK:
        return Seek(data, length);
      case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(position);
      case ZIP_SOURCE_STAT: {
        auto* const status = static_cast<zip_stat_t*>(data);
        ::zip_stat_init(status);
        status->size = size;
        status->valid = ZIP_STAT_SIZE;
        return sizeof *status;
      }
      case ZIP_SOURCE_ERROR:
        return ::zip_error_to_data(&error, data, length);
      case ZIP_SOURCE_SUPPORTS:
        return ::zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                                ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                                ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
      case ZIP_SOURCE_CLOSE:
      case ZIP_SOURCE_FREE:  // it belongs to the NpzFile
        return 0;
      default:
        return Fail(ZIP_ER_OPNOTSUPP, 0);
    }
  }

  static zip_int64_t Call(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    return static_cast<Source*>(self)->Answer(data, length, command);
  }
};

struct CloseFile {
  void operator()(zip_file_t* file) const { ::zip_fclose(file); }
};

struct Discard {
  void operator()(zip_t* archive) const { ::zip_discard(archive); }
};

}  // namespace

struct NpzFile::Impl {
  std::string path;  // quoted
  Source source;
  std::unique_ptr<zip_t, Discard> archive;
  struct Member {
    std::uint64_t index = 0;
    std::uint64_t size = 0;
  };
  std::vector<Member> members;
  std::vector<std::string> names;

  [[noreturn]] void Fail(const std::string& message) const {
    throw Error(ErrorKind::kFailure, path + ": " + message);
  }

  // Whether all that is said of a member is what NumPy writes, and could be.
  void Add(std::uint64_t index) {
    zip_stat_t status;
    ::zip_stat_init(&status);
    if (::zip_stat_index(archive.get(), index, ZIP_FL_ENC_RAW, &status) != 0) {
      Fail("the archive's directory is damaged: " + std::string(::zip_strerror(archive.get())));
    }
    const std::string file = status.name == nullptr ? "" : status.name;
    constexpr std::string_view kExtension = ".npy";
    if (!file.ends_with(kExtension) || file.size() == kExtension.size()) {
      Fail("it holds " + Quote(file) + ", which is not an array; numpy.savez writes .npy files only");
    }
    constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((status.valid & kNeeded) != kNeeded) Fail("the size of " + Quote(file) + " is not stated");
    if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && status.encryption_method != ZIP_EM_NONE) {
      Fail(Quote(file) + " is encrypted; write it anew with numpy.savez");
    }
    if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
      Fail(Quote(file) + " is compressed by method " + std::to_string(status.comp_method) +
           "; numpy.savez and numpy.savez_compressed write methods 0 and 8");
    }
    if (status.size > kMostNpzBytes) {
      Fail(Quote(file) + " is said to have " + FormatBytes(status.size) + "; an input may have " +
           FormatBytes(kMostNpzBytes));
    }
    if (status.comp_size > source.size || status.size / kMostInflated > status.comp_size + 1) {
      Fail(Quote(file) + " is said to have " + FormatCount(status.size) + " bytes, more than its " +
           FormatCount(std::min<std::uint64_t>(status.comp_size, source.size)) + " compressed ones can hold");
    }
    members.push_back({.index = index, .size = status.size});
    names.push_back(file.substr(0, file.size() - kExtension.size()));
  }
};

NpzFile::NpzFile(FileSystem& file_system, const std::filesystem::path& path)
    : impl_(std::make_unique<Impl>()) {
  impl_->path = Quote(path.native());
  impl_->source.file = file_system.OpenForReading(path);
  impl_->source.size = impl_->source.file->Identity().size;

  zip_error_t error;
  ::zip_error_init(&error);
  ::zip_error_init(&impl_->source.error);
  zip_source_t* const source = ::zip_source_function_create(&Source::Call, &impl_->source, &error);
  if (source != nullptr) impl_->archive.reset(::zip_open_from_source(source, ZIP_RDONLY, &error));
  if (impl_->archive == nullptr) {
    if (source != nullptr) ::zip_source_free(source);
    const std::string why = ::zip_error_strerror(&error);
    ::zip_error_fini(&error);
    impl_->Fail("it is not a .npz file as numpy.savez writes it: " + why);
  }
  ::zip_error_fini(&error);

  const auto count = static_cast<std::uint64_t>(::zip_get_num_entries(impl_->archive.get(), 0));
  if (count == 0) impl_->Fail("it is not a .npz file as numpy.savez writes it: there is no array in it");
  if (count > kMostArrays) {
    impl_->Fail("it holds " + FormatCount(count) + " files; a set of inputs may have at most " +
                FormatCount(kMostArrays));
  }
  for (std::uint64_t index = 0; index < count; ++index) impl_->Add(index);
  std::set<std::string> seen;
  for (const std::string& name : impl_->names) {
    if (!seen.insert(name).second) impl_->Fail("it holds the array " + Quote(name) + " twice");
  }
}

NpzFile::~NpzFile() = default;

const std::vector<std::string>& NpzFile::names() const { return impl_->names; }

runtime::Tensor NpzFile::Read(std::size_t index) {
  const Impl::Member& member = impl_->members.at(index);
  const std::string where = impl_->path + ": array " + Quote(impl_->names.at(index));
  const auto fail = [&where](const std::string& message) {
    throw Error(ErrorKind::kFailure, where + ": " + message);
  };
  const std::unique_ptr<zip_file_t, CloseFile> file(::zip_fopen_index(impl_->archive.get(), member.index, 0));
  if (file == nullptr) fail(::zip_strerror(impl_->archive.get()));
  const auto read_some = [&](void* into, std::uint64_t length) -> std::uint64_t {
    const zip_int64_t got = ::zip_fread(file.get(), into, length);
    if (got < 0) fail(std::string("it is damaged: ") + ::zip_file_strerror(file.get()));
    return static_cast<std::uint64_t>(got);
  };
  runtime::Tensor tensor = ReadNpy(where, member.size, [&](std::span<std::byte> into) {
    while (!into.empty()) {
      const std::uint64_t got = read_some(into.data(), into.size());
      if (got == 0) fail("it ends too early");
      into = into.subspan(got);
    }
  });
  // Only at its end is the checksum compared.
  std::byte beyond{};
  if (read_some(&beyond, 1) != 0) fail("it is longer than the archive says");
  return tensor;
}

}  // namespace qi8::compare
