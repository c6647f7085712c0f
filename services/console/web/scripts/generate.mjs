// Makes src/gen out of protos/gen/page.binpb with the local plugin: no compiler, no network.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

const web = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const contracts = resolve(web, "../../../protos/gen/page.binpb");
const target = join(web, "src", "gen");

const known = fromBinary(FileDescriptorSetSchema, readFileSync(contracts));
const request = create(CodeGeneratorRequestSchema, {
  fileToGenerate: known.file.map((file) => file.name).filter((name) => name.startsWith("switchboard/")),
  parameter: "target=ts",
  protoFile: known.file,
});

const manifest = createRequire(import.meta.url).resolve("@bufbuild/protoc-gen-es/package.json");
const plugin = join(dirname(manifest), "bin", "protoc-gen-es");
const done = spawnSync(process.execPath, [plugin], {
  input: toBinary(CodeGeneratorRequestSchema, request),
  maxBuffer: 64 << 20,
});
if (done.status !== 0) throw new Error(String(done.stderr));
const response = fromBinary(CodeGeneratorResponseSchema, done.stdout);
if (response.error) throw new Error(response.error);

rmSync(target, { recursive: true, force: true });
for (const file of response.file) {
  const path = join(target, file.name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.content);
}
