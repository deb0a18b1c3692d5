#pragma once
#include <napi.h>

namespace bootc {
/// The class behind `createCheckout`.
Napi::Function CheckoutClass(Napi::Env env);
}  // namespace bootc
