// A class for JS with promises that other threads get ready.
#pragma once
#include <napi.h>

#include <memory>

#include "notifier.h"

namespace bootc {

template <typename Own>
class WaitingClass : public Napi::ObjectWrap<Own> {
 protected:
  using Napi::ObjectWrap<Own>::ObjectWrap;

  /// A pending promise keeps this object and the event loop alive.
  void Hold() {
    this->Ref();
    notifier_->Hold();
  }
  void Drop() {
    notifier_->Drop();
    this->Unref();
  }

  std::shared_ptr<Notifier> notifier_;
};

}  // namespace bootc
