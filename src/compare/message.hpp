// What the comparison and its workers say to each other over a socket: JSON values as CBOR, each behind its
// length. Both ends are this program.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "runtime/onnx_runtime.hpp"

namespace qi8::compare {

using Message = nlohmann::json;

// Throws Error where the other end is gone.
void Send(int socket, const Message& message);

// Nothing where the other end closed the socket between two messages, or is gone.
// `while_waiting` is called several times a second until something comes, and may throw.
[[nodiscard]] std::optional<Message> Receive(int socket, const std::function<void()>& while_waiting = {});

[[nodiscard]] Message ToMessage(std::span<const runtime::Tensor> tensors);
[[nodiscard]] std::vector<runtime::Tensor> ToTensors(const Message& message);

[[nodiscard]] Message ToMessage(std::span<const runtime::ValueInfo> values);
[[nodiscard]] std::vector<runtime::ValueInfo> ToValues(const Message& message);

}  // namespace qi8::compare
