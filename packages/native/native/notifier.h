// Calls a handler on the JS thread when another thread asks for it.
#pragma once
#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace bootc {

/// Wake-ups coalesce: one handler call may stand for many. The event loop is kept alive only between Hold and
/// Drop, so an idle or abandoned object never keeps the process from ending.
class Notifier : public std::enable_shared_from_this<Notifier> {
 public:
  static std::shared_ptr<Notifier> Create(Napi::Env env, const char* name, std::function<void(Napi::Env)> handler);

  void Wake();           // any thread
  void Hold();           // JS thread; counted
  void Drop();           // JS thread
  void Close();          // JS thread; the handler is never called again

 private:
  static void OnCall(napi_env env, napi_value, void* context, void*);
  static void OnFinalize(napi_env, void* data, void*);

  napi_env env_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
  std::function<void(Napi::Env)> handler_;
  std::mutex mutex_;  // guards `open_` against Wake while Close runs
  bool open_ = false;
  std::atomic<bool> pending_{false};
  int holds_ = 0;
};

}  // namespace bootc
