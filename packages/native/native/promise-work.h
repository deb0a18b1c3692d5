// Runs a blocking job on libuv's pool and settles a promise.
#pragma once
#include <napi.h>

#include <functional>
#include <optional>

#include "args.h"

namespace bootc {

class PromiseWork : public Napi::AsyncWorker {
 public:
  /// @param job on another thread; may throw Failure
  /// @param answer on the JS thread, makes the value to resolve with
  static Napi::Promise Start(Napi::Env env, std::function<void()> job, std::function<Napi::Value(Napi::Env)> answer) {
    auto* work = new PromiseWork(env, std::move(job), std::move(answer));  // deletes itself
    auto promise = work->deferred_.Promise();
    work->Queue();
    return promise;
  }

 protected:
  void Execute() override {
    try {
      job_();
    } catch (const Failure& failure) {
      failure_ = failure;
    } catch (const std::bad_alloc&) {
      failure_ = Failure{ENOMEM, {}, {}, "malloc", {}};
    }
  }
  void OnOK() override {
    if (failure_) {
      deferred_.Reject(ToJs(Env(), *failure_).Value());
    } else {
      deferred_.Resolve(answer_(Env()));
    }
  }

 private:
  PromiseWork(Napi::Env env, std::function<void()> job, std::function<Napi::Value(Napi::Env)> answer)
      : AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), job_(std::move(job)), answer_(std::move(answer)) {}

  Napi::Promise::Deferred deferred_;
  std::function<void()> job_;
  std::function<Napi::Value(Napi::Env)> answer_;
  std::optional<Failure> failure_;
};

}  // namespace bootc
