// NativeObjectWriter of src/api.ts.
#include "object-writer-js.h"

#include <vector>

#include "object-writer.h"
#include "waiting-class.h"

namespace bootc {
namespace {

class ObjectWriterJs : public WaitingClass<ObjectWriterJs> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "NativeObjectWriter",
                       {
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::Put>>("put"),
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::Begin>>("begin"),
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::Data>>("data"),
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::End>>("end"),
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::Drain>>("drain"),
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::Take>>("take"),
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::Finish>>("finish"),
                           InstanceMethod<&ObjectWriterJs::Call<&ObjectWriterJs::Close>>("close"),
                           InstanceAccessor<&ObjectWriterJs::Call<&ObjectWriterJs::Full>>("full"),
                       });
  }

  explicit ObjectWriterJs(const Napi::CallbackInfo& info) : WaitingClass<ObjectWriterJs>(info) {
    Guard(info, [&] {
      Open(info);
      return info.Env().Undefined();
    });
  }

  ~ObjectWriterJs() override { Shutdown(); }

  template <Napi::Value (ObjectWriterJs::*Method)(const Napi::CallbackInfo&)>
  Napi::Value Call(const Napi::CallbackInfo& info) {
    return Guard(info, [&] { return (this->*Method)(info); });
  }

 private:
  void Open(const Napi::CallbackInfo& info) {
    auto options = info[0].As<Napi::Object>();
    std::vector<std::string> existing;
    if (options.Get("existing").IsArray()) {
      auto list = options.Get("existing").As<Napi::Array>();
      for (uint32_t i = 0; i < list.Length(); i++) existing.push_back(PathArg(list.Get(i), "existing"));
    }
    int64_t threads = OptionalInt(options, "threads").value_or(2);
    int64_t most = OptionalInt(options, "maxQueuedBytes").value_or(32 << 20);
    if (threads < 1 || threads > 64 || most < 0) FailCode("ERR_OUT_OF_RANGE", "threads or maxQueuedBytes is out of range");
    std::string dir = PathArg(options.Get("stagingDir"), "stagingDir");
    notifier_ = Notifier::Create(info.Env(), "bootc:object-writer", [this](Napi::Env env) { Settle(env); });
    try {
      writer_ = std::make_unique<ObjectWriter>(std::move(dir), existing, static_cast<size_t>(threads),
                                               static_cast<size_t>(most), notifier_);
    } catch (...) {
      notifier_->Close();
      throw;
    }
  }

  ObjectWriter& Usable() {
    if (!writer_) FailCode("ERR_INVALID_STATE", "the object writer is closed");
    return *writer_;
  }

  /// `buffer[start, end)` of three arguments.
  static Bytes Range(const Napi::CallbackInfo& info, size_t first) {
    Bytes bytes = BytesArg(info[first], "buffer");
    int64_t start = IntArg(info[first + 1], "start"), end = IntArg(info[first + 2], "end");
    if (start < 0 || end < start || static_cast<uint64_t>(end) > bytes.size) {
      FailCode("ERR_OUT_OF_RANGE", "start and end must lie inside the buffer");
    }
    return {bytes.data + start, static_cast<size_t>(end - start)};
  }

  /// A frozen spec is looked at once, however often in a row it is given: reading it costs more than the rest of a call.
  ObjectSpec Spec(const Napi::Value& value) {
    if (!last_spec_.IsEmpty() && value.StrictEquals(last_spec_.Value())) return last_parsed_;
    ObjectSpec spec = ParseObjectSpec(value);
    if (spec.named_by_verity && IsFrozen(value) && IsFrozen(value.As<Napi::Object>().Get("verity"))) {
      last_spec_ = Napi::Persistent(value.As<Napi::Object>());
      last_parsed_ = spec;
    }
    return spec;
  }

  static bool IsFrozen(const Napi::Value& value) {
    auto object = value.Env().Global().Get("Object").As<Napi::Object>();
    return object.Get("isFrozen").As<Napi::Function>().Call(object, {value}).ToBoolean();
  }

  static uint32_t IdArg(const Napi::CallbackInfo& info) { return static_cast<uint32_t>(IntArg(info[0], "id")); }

  Napi::Value Put(const Napi::CallbackInfo& info) {
    Bytes bytes = Range(info, 1);
    return Napi::Number::New(info.Env(), Usable().Put(Spec(info[0]), bytes.data, bytes.size));
  }
  Napi::Value Begin(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), Usable().Begin(Spec(info[0])));
  }
  Napi::Value Data(const Napi::CallbackInfo& info) {
    Bytes bytes = Range(info, 1);
    Usable().Data(IdArg(info), bytes.data, bytes.size);
    return info.Env().Undefined();
  }
  Napi::Value End(const Napi::CallbackInfo& info) {
    Usable().End(IdArg(info));
    return info.Env().Undefined();
  }
  Napi::Value Full(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), writer_ && (writer_->full() || writer_->failed()));
  }

  Napi::Value Drain(const Napi::CallbackInfo& info) {
    Usable();
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    drains_.push_back(deferred);
    Hold();
    Settle(info.Env());
    return deferred.Promise();
  }
  Napi::Value Take(const Napi::CallbackInfo& info) {
    Usable();
    return Results(info.Env());
  }
  Napi::Value Finish(const Napi::CallbackInfo& info) {
    if (Usable().has_open() && !writer_->failed()) FailCode("ERR_INVALID_STATE", "an object was begun and not ended");
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    finishes_.push_back(deferred);
    Hold();
    Settle(info.Env());
    return deferred.Promise();
  }
  Napi::Value Close(const Napi::CallbackInfo& info) {
    Shutdown();
    Settle(info.Env());
    return info.Env().Undefined();
  }

  void Shutdown() {
    if (!writer_) return;
    notifier_->Close();
    writer_.reset();
  }

  void Settle(Napi::Env env) {
    if (!writer_ || writer_->failed()) {
      Failure failure = writer_ ? writer_->failure() : Failure{0, "CLOSED", "the object writer was closed", {}, {}};
      SettleAll(drains_, [&](Napi::Promise::Deferred& d) { d.Reject(ToJs(env, failure).Value()); });
      SettleAll(finishes_, [&](Napi::Promise::Deferred& d) { d.Reject(ToJs(env, failure).Value()); });
      return;
    }
    if (writer_->Drained(!drains_.empty())) {
      SettleAll(drains_, [&](Napi::Promise::Deferred& d) { d.Resolve(env.Undefined()); });
    }
    // `failed` is looked at again: the last task may be the one that failed.
    if (!finishes_.empty() && writer_->Idle(true)) {
      if (writer_->failed()) return Settle(env);
      Napi::Value results = Results(env);
      SettleAll(finishes_, [&](Napi::Promise::Deferred& d) { d.Resolve(results); });
    }
  }

  template <typename Each>
  void SettleAll(std::vector<Napi::Promise::Deferred>& list, Each each) {
    std::vector<Napi::Promise::Deferred> taken;
    taken.swap(list);
    for (auto& deferred : taken) {
      each(deferred);
      Drop();
    }
  }

  Napi::Value Results(Napi::Env env) {
    std::vector<WrittenObject> objects = writer_->Take();
    auto list = Napi::Array::New(env, objects.size());
    for (uint32_t i = 0; i < objects.size(); i++) {
      Napi::HandleScope scope(env);
      const WrittenObject& object = objects[i];
      auto entry = Napi::Object::New(env);
      entry.Set("checksum", object.checksum);
      entry.Set("sizeBytes", Napi::Number::New(env, static_cast<double>(object.size)));
      entry.Set("isNew", Napi::Boolean::New(env, object.is_new));
      if (object.is_new) entry.Set("name", object.Name());
      if (object.is_new && object.replaces) entry.Set("replaces", true);
      if (!object.verity.empty()) entry.Set("verityDigest", object.verity);
      list.Set(i, entry);
    }
    return list;
  }

  std::unique_ptr<ObjectWriter> writer_;
  std::vector<Napi::Promise::Deferred> drains_, finishes_;
  Napi::ObjectReference last_spec_;
  ObjectSpec last_parsed_;
};

}  // namespace

Napi::Function ObjectWriterClass(Napi::Env env) { return ObjectWriterJs::Define(env); }

}  // namespace bootc
