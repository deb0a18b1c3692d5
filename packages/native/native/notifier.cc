#include "notifier.h"

namespace bootc {

std::shared_ptr<Notifier> Notifier::Create(Napi::Env env, const char* name, std::function<void(Napi::Env)> handler) {
  auto self = std::make_shared<Notifier>();
  self->env_ = env;
  self->handler_ = std::move(handler);
  auto* keep = new std::shared_ptr<Notifier>(self);  // owned by the function until it is finalized
  napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, name), 0, 1, keep,
                                                       OnFinalize, self.get(), OnCall, &self->function_);
  if (status != napi_ok) {
    delete keep;
    throw Napi::Error::New(env);
  }
  napi_unref_threadsafe_function(env, self->function_);
  self->open_ = true;
  return self;
}

void Notifier::Wake() {
  if (pending_.exchange(true)) return;
  std::lock_guard<std::mutex> lock(mutex_);
  if (open_) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void Notifier::Hold() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (holds_++ == 0 && open_) napi_ref_threadsafe_function(env_, function_);
}

void Notifier::Drop() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (--holds_ == 0 && open_) napi_unref_threadsafe_function(env_, function_);
}

void Notifier::Close() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!open_) return;
    open_ = false;
  }
  handler_ = nullptr;
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

void Notifier::OnCall(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  auto* self = static_cast<Notifier*>(context);
  self->pending_ = false;
  if (!self->handler_) return;
  auto handler = self->handler_;  // the handler may close us
  Napi::HandleScope scope(env);
  try {
    handler(Napi::Env(env));
  } catch (const Napi::Error&) {
    // Only an environment that is going down refuses what handlers do (settle promises), and there is no
    // JS above us that could catch it.
  }
}

/// Also runs when the environment ends first: from then on the function must not be touched.
void Notifier::OnFinalize(napi_env, void* data, void*) {
  auto* keep = static_cast<std::shared_ptr<Notifier>*>(data);
  {
    std::lock_guard<std::mutex> lock((*keep)->mutex_);
    (*keep)->open_ = false;
  }
  delete keep;
}

}  // namespace bootc
