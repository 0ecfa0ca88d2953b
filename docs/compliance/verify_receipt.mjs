// Checks a consent receipt without Assent and without packages:  node verify_receipt.mjs RECEIPT.json KEYS.json
// KEYS.json is what you saved from /ledger/keys.json; the 64 hex characters of one public key do, too.
// The key inside of a receipt proves nothing: a forger can name another key.
// Exit status 0: verified. 1: refused, or not sealed yet.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const node = (left, right) => sha256(Buffer.from([1]), left, right);
const hex = (text) => Buffer.from(text, "hex");

// RFC 8785, for what a receipt holds: JavaScript sorts keys and writes texts and integers as it asks.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Error("a number has no canonical form");
  return JSON.stringify(value);
}

// Public keys by their id, which is the SHA-256 thumbprint of the key (RFC 7638).
function readKeys(argument) {
  const jwk = (x) => ({ crv: "Ed25519", kty: "OKP", x });
  const isHex = /^[0-9a-f]{64}$/i.test(argument);
  const document = isHex ? jwk(hex(argument).toString("base64url")) : JSON.parse(readFileSync(argument, "utf8"));
  const keys = (document.keys ?? [document]).map((each) => jwk(each.x));
  return new Map(keys.map((key) => [sha256(canonical(key)).toString("base64url"), key]));
}

function isSigned(keys, keyId, signature, content) {
  if (!keys.has(keyId)) throw new Error(`signed by the key ${keyId}, which is not one of your keys`);
  const key = createPublicKey({ key: keys.get(keyId), format: "jwk" });
  return verify(null, Buffer.from(content), key, Buffer.from(signature, "base64url"));
}

// RFC 9162 section 2.1.3.2
function rootOf(leaf, index, count, path) {
  let [at, last, root] = [index, count - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      root = node(sibling, root);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else root = node(root, sibling);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : null;
}

function indexOf(ranges, id) {
  let index = 0;
  for (const [first, last] of ranges) {
    if (first <= id && id <= last) return index + id - first;
    index += last - first + 1;
  }
  throw new Error("the seal does not cover the event");
}

function check(receipt, keys) {
  const { signature, ...signed } = receipt;
  const { event, evidence, words, proof } = receipt;
  const expect = (passed, name) => { if (!passed) throw new Error(`${name} is wrong`); };
  expect(isSigned(keys, receipt.signed_by.kid, signature, canonical(signed)), "the signature of the receipt");
  if (evidence !== null) expect(sha256(hex(evidence.salt), canonical(evidence.values)).equals(hex(event.evidence_hash)), "the evidence");
  expect((words === null ? null : sha256(words).toString("hex")) === (evidence?.values.wording_hash ?? null), "the text");
  if (proof === null) return "not_sealed";
  const leaf = sha256(Buffer.from([0]), canonical(event));
  expect(leaf.equals(hex(proof.leaf)), "the hash of the event");
  expect(isSigned(keys, proof.seal.key_id, proof.seal_signature, canonical(proof.seal)), "the signature of the seal");
  const root = rootOf(leaf, indexOf(proof.seal.ids, event.id), proof.seal.count, proof.path.map(hex));
  expect(root?.equals(hex(proof.seal.root)) && indexOf(proof.seal.ids, event.id) === proof.index, "the path to the seal");
  return "verified";
}

let [verdict, reason] = ["refused", ""];
try { verdict = check(JSON.parse(readFileSync(process.argv[2], "utf8")), readKeys(process.argv[3])); } catch (error) { reason = `: ${error.message}`; }
console.log(verdict + reason);
process.exitCode = verdict === "verified" ? 0 : 1;
