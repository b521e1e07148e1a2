// describe-onnx FILE: writes the description of ONNX's messages that the installed library has in it, for
// protoc.

#include <google/protobuf/descriptor.pb.h>
#include <onnx/onnx_pb.h>

#include <fstream>

int main(int, char** argv) {
  google::protobuf::FileDescriptorSet descriptions;
  onnx::ModelProto::descriptor()->file()->CopyTo(descriptions.add_file());
  std::ofstream file(argv[1], std::ios::binary);
  return descriptions.SerializeToOstream(&file) && file.flush() ? 0 : 1;
}
