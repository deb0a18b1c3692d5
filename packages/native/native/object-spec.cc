#include "object-spec.h"

#include "args.h"

namespace bootc {

namespace {
std::string ToString(const std::optional<Bytes>& bytes) {
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data), bytes->size) : std::string();
}
}  // namespace

ObjectSpec ParseObjectSpec(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "spec must be an object");
  auto object = value.As<Napi::Object>();
  ObjectSpec spec;
  Bytes prefix = BytesArg(object.Get("hashPrefix"), "hashPrefix");
  spec.hash_prefix.assign(reinterpret_cast<const char*>(prefix.data), prefix.size);
  spec.file_prefix = ToString(OptionalBytes(object, "filePrefix"));
  if (auto target = OptionalBytes(object, "symlinkTarget")) spec.symlink_target = ToString(target);
  spec.suffix = PathArg(object.Get("suffix"), "suffix");
  if (spec.suffix.find('/') != std::string::npos) FailCode("ERR_INVALID_ARG_VALUE", "suffix must not hold a slash");
  spec.mode = static_cast<mode_t>(IntArg(object.Get("mode"), "mode")) & 07777;
  if (auto uid = OptionalInt(object, "uid")) spec.owner.uid = static_cast<uid_t>(*uid);
  if (auto gid = OptionalInt(object, "gid")) spec.owner.gid = static_cast<gid_t>(*gid);
  if (auto level = OptionalInt(object, "deflateLevel")) {
    if (*level < -1 || *level > 9) FailCode("ERR_INVALID_ARG_VALUE", "deflateLevel must be -1 to 9");
    spec.deflate_level = static_cast<int>(*level);
  }
  if (auto packed = OptionalBytes(object, "xattrs")) {
    spec.xattrs.assign(packed->data, packed->data + packed->size);
    CheckXattrs(spec.xattrs);
  }
  spec.zero_times = OptionalBool(object, "zeroMtime");
  Napi::Value verity = object.Get("verity");
  if (verity.IsObject()) {
    int64_t algorithm = IntArg(verity.As<Napi::Object>().Get("algorithm"), "verity.algorithm");
    if (algorithm != 1 && algorithm != 2) FailCode("ERR_INVALID_ARG_VALUE", "verity.algorithm must be 1 or 2");
    spec.verity_algorithm = static_cast<int>(algorithm);
    spec.verity_enable = OptionalBool(verity.As<Napi::Object>(), "enable");
  }
  Napi::Value identity = object.Get("identity");
  if (!identity.IsUndefined()) {
    std::string name = identity.ToString();
    if (name != "sha256" && name != "verity") FailCode("ERR_INVALID_ARG_VALUE", "identity must be sha256 or verity");
    spec.named_by_verity = name == "verity";
  }
  // The digest is that of the file, so the file must be the content and nothing else.
  if (spec.named_by_verity && (!spec.verity_algorithm || !spec.hash_prefix.empty() || !spec.file_prefix.empty() ||
                               spec.deflate_level || spec.symlink_target)) {
    FailCode("ERR_INVALID_ARG_VALUE", "identity verity needs verity and goes without prefixes, deflateLevel and symlinkTarget");
  }
  return spec;
}

std::string WrittenObject::Name() const {
  const std::string& hex = checksum.empty() ? verity : checksum;
  return hex.substr(0, 2) + "/" + hex.substr(2) + suffix;
}

}  // namespace bootc
