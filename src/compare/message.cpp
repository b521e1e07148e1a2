#include "compare/message.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

void SendAll(int socket, const void* data, std::size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(socket, next, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw Error(ErrorKind::kFailure, "the process at the other end is gone");
    next += sent;
    size -= static_cast<std::size_t>(sent);
  }
}

bool ReceiveAll(int socket, void* data, std::size_t size) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t received = ::recv(socket, next, size, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return false;
    next += received;
    size -= static_cast<std::size_t>(received);
  }
  return true;
}

Message Bytes(std::span<const std::byte> bytes) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return Message::binary({first, first + bytes.size()});
}

}  // namespace

void Send(int socket, const Message& message) {
  const std::vector<std::uint8_t> bytes = Message::to_cbor(message);
  const std::uint64_t size = bytes.size();
  SendAll(socket, &size, sizeof size);
  SendAll(socket, bytes.data(), bytes.size());
}

std::optional<Message> Receive(int socket, const std::function<void()>& while_waiting) {
  constexpr int kBetweenCalls = 50;  // milliseconds
  pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
  while (while_waiting && ::poll(&waiting, 1, kBetweenCalls) <= 0) while_waiting();
  std::uint64_t size = 0;
  if (!ReceiveAll(socket, &size, sizeof size)) return std::nullopt;
  std::vector<std::uint8_t> bytes(size);
  if (!ReceiveAll(socket, bytes.data(), bytes.size())) return std::nullopt;
  return Message::from_cbor(bytes);
}

Message ToMessage(std::span<const runtime::Tensor> tensors) {
  Message list = Message::array();
  for (const runtime::Tensor& tensor : tensors) {
    list.push_back(
        {{"type", static_cast<int>(tensor.type)}, {"shape", tensor.shape}, {"data", Bytes(tensor.data)}});
  }
  return list;
}

std::vector<runtime::Tensor> ToTensors(const Message& message) {
  std::vector<runtime::Tensor> tensors;
  for (const Message& entry : message) {
    const auto& bytes = entry.at("data").get_binary();
    runtime::Tensor tensor{static_cast<DataType>(entry.at("type").get<int>()),
                           entry.at("shape").get<std::vector<std::int64_t>>(),
                           std::vector<std::byte>(bytes.size())};
    if (!bytes.empty()) std::memcpy(tensor.data.data(), bytes.data(), bytes.size());
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Message ToMessage(std::span<const runtime::ValueInfo> values) {
  Message list = Message::array();
  for (const runtime::ValueInfo& value : values) {
    list.push_back({{"name", value.name},
                    {"type", static_cast<int>(value.type)},
                    {"shape", value.shape},
                    {"dim_names", value.dim_names},
                    {"is_tensor", value.is_tensor}});
  }
  return list;
}

std::vector<runtime::ValueInfo> ToValues(const Message& message) {
  std::vector<runtime::ValueInfo> values;
  for (const Message& entry : message) {
    values.push_back({.name = entry.at("name").get<std::string>(),
                      .type = static_cast<DataType>(entry.at("type").get<int>()),
                      .shape = entry.at("shape").get<std::vector<std::int64_t>>(),
                      .dim_names = entry.at("dim_names").get<std::vector<std::string>>(),
                      .is_tensor = entry.at("is_tensor").get<bool>()});
  }
  return values;
}

}  // namespace qi8::compare
