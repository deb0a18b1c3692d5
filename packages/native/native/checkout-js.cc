// NativeCheckout of src/api.ts.
#include "checkout-js.h"

#include "args.h"
#include "checkout-run.h"

namespace bootc {
namespace {

class CheckoutJs : public Napi::ObjectWrap<CheckoutJs> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "NativeCheckout",
                       {
                           InstanceMethod<&CheckoutJs::Call<&CheckoutJs::Enter>>("enter"),
                           InstanceMethod<&CheckoutJs::Call<&CheckoutJs::Leave>>("leave"),
                           InstanceMethod<&CheckoutJs::Call<&CheckoutJs::AddFile<FileKind::link>>>("link"),
                           InstanceMethod<&CheckoutJs::Call<&CheckoutJs::AddFile<FileKind::copy>>>("copy"),
                           InstanceMethod<&CheckoutJs::Call<&CheckoutJs::AddFile<FileKind::symlink>>>("symlink"),
                           InstanceMethod<&CheckoutJs::Call<&CheckoutJs::AddFile<FileKind::empty>>>("empty"),
                           InstanceMethod<&CheckoutJs::Call<&CheckoutJs::Run>>("run"),
                       });
  }

  explicit CheckoutJs(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CheckoutJs>(info) {
    Guard(info, [&] {
      auto options = info[0].As<Napi::Object>();
      plan_.target_dir = PathArg(options.Get("targetDir"), "targetDir");
      plan_.objects_dir = PathArg(options.Get("objectsDir"), "objectsDir");
      plan_.copy_empty = options.Get("copyEmpty").ToBoolean();
      int64_t threads = OptionalInt(options, "threads").value_or(2);
      if (threads < 1 || threads > 64) FailCode("ERR_OUT_OF_RANGE", "threads is out of range");
      threads_ = static_cast<size_t>(threads);
      return info.Env().Undefined();
    });
  }

  ~CheckoutJs() override { Shutdown(); }

  template <Napi::Value (CheckoutJs::*Method)(const Napi::CallbackInfo&)>
  Napi::Value Call(const Napi::CallbackInfo& info) {
    return Guard(info, [&] { return (this->*Method)(info); });
  }

 private:
  uint32_t Text(const std::string& text) {
    if (text.empty()) return 0;
    size_t offset = plan_.text.size();
    if (offset + text.size() >= UINT32_MAX) FailCode("ERR_OUT_OF_RANGE", "the plan is too large");
    plan_.text.append(text.c_str(), text.size() + 1);
    return static_cast<uint32_t>(offset);
  }

  uint32_t Name(const Napi::Value& value) {
    std::string name = PathArg(value, "name");
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
      FailCode("ERR_INVALID_ARG_VALUE", "not a name of a directory entry: '" + name + "'");
    }
    return Text(name);
  }

  /// Index of a meta; equal neighbours (the usual case) share one.
  int32_t Meta(const Napi::Value& value) {
    if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "meta must be an object");
    auto object = value.As<Napi::Object>();
    CheckoutMeta meta;
    meta.mode = static_cast<mode_t>(IntArg(object.Get("mode"), "mode")) & 07777;
    if (auto uid = OptionalInt(object, "uid")) meta.owner.uid = static_cast<uid_t>(*uid);
    if (auto gid = OptionalInt(object, "gid")) meta.owner.gid = static_cast<gid_t>(*gid);
    meta.mtime = OptionalInt(object, "mtime");
    if (auto packed = OptionalBytes(object, "xattrs")) {
      meta.xattrs.assign(packed->data, packed->data + packed->size);
      CheckXattrs(meta.xattrs);
    }
    if (plan_.metas.empty() || !(plan_.metas.back() == meta)) plan_.metas.push_back(std::move(meta));
    return static_cast<int32_t>(plan_.metas.size() - 1);
  }

  void MustPlan() const {
    if (started_) FailCode("ERR_INVALID_STATE", "the checkout is running already");
  }

  Napi::Value Enter(const Napi::CallbackInfo& info) {
    MustPlan();
    PlannedDir dir;
    dir.name = Name(info[0]);
    dir.meta = Meta(info[1]);
    dir.existing = info[2].ToBoolean();
    dir.parent = static_cast<int32_t>(current_);
    plan_.dirs.push_back(std::move(dir));
    auto index = static_cast<uint32_t>(plan_.dirs.size() - 1);
    plan_.dirs[current_].children.push_back(index);
    current_ = index;
    plan_.entries++;
    return info.Env().Undefined();
  }

  Napi::Value Leave(const Napi::CallbackInfo& info) {
    MustPlan();
    if (current_ == 0) FailCode("ERR_INVALID_STATE", "leave without enter");
    current_ = static_cast<uint32_t>(plan_.dirs[current_].parent);
    return info.Env().Undefined();
  }

  template <FileKind kind>
  Napi::Value AddFile(const Napi::CallbackInfo& info) {
    MustPlan();
    PlannedFile file{kind, -1, Name(info[0]), 0};
    if (kind == FileKind::empty) {
      file.meta = Meta(info[1]);
    } else {
      file.from = Text(PathArg(info[1], kind == FileKind::symlink ? "target" : "object"));
      if (kind != FileKind::link || info[2].IsObject()) file.meta = Meta(info[2]);
    }
    plan_.dirs[current_].files.push_back(file);
    plan_.entries++;
    return info.Env().Undefined();
  }

  Napi::Value Run(const Napi::CallbackInfo& info) {
    MustPlan();
    if (current_ != 0) FailCode("ERR_INVALID_STATE", "a directory was entered and not left");
    started_ = true;
    if (info[0].IsObject()) {
      Napi::Value progress = info[0].As<Napi::Object>().Get("onProgress");
      if (progress.IsFunction()) on_progress_ = Napi::Persistent(progress.As<Napi::Function>());
    }
    deferred_ = std::make_unique<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(info.Env()));
    auto promise = deferred_->Promise();
    notifier_ = Notifier::Create(info.Env(), "bootc:checkout", [this](Napi::Env env) { Settle(env); });
    Ref();
    notifier_->Hold();
    try {
      run_ = std::make_unique<CheckoutRun>(std::move(plan_), threads_, notifier_);
    } catch (const Failure& failure) {
      deferred_->Reject(ToJs(info.Env(), failure).Value());
      End();
    }
    return promise;
  }

  void Settle(Napi::Env env) {
    if (!run_) return;
    bool ended = run_->ended();
    if (!on_progress_.IsEmpty()) {
      // An exception of the callback is the program's: it surfaces as uncaught, and the checkout goes on.
      on_progress_.Call({Napi::Number::New(env, static_cast<double>(run_->done()))});
    }
    if (!ended || !run_) return;
    if (run_->failure()) {
      deferred_->Reject(ToJs(env, *run_->failure()).Value());
    } else {
      auto result = Napi::Object::New(env);
      result.Set("entries", Napi::Number::New(env, static_cast<double>(run_->entries())));
      deferred_->Resolve(result);
    }
    End();
  }

  void End() {
    notifier_->Drop();
    Shutdown();
    on_progress_.Reset();
    Unref();
  }

  void Shutdown() {
    if (notifier_) notifier_->Close();
    run_.reset();
  }

  CheckoutPlan plan_;
  size_t threads_ = 2;
  uint32_t current_ = 0;
  bool started_ = false;
  std::shared_ptr<Notifier> notifier_;
  std::unique_ptr<CheckoutRun> run_;
  std::unique_ptr<Napi::Promise::Deferred> deferred_;
  Napi::FunctionReference on_progress_;
};

}  // namespace

Napi::Function CheckoutClass(Napi::Env env) { return CheckoutJs::Define(env); }

}  // namespace bootc
