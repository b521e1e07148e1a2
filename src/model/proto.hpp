// ONNX's protobuf classes. Debian's are of ONNX 1.12; fields and enum values that are newer stay in each
// message's unknown fields and are written back as they came.
#pragma once

#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif

#include <onnx/onnx_pb.h>
