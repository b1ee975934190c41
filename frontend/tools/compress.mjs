// Writes a gzip copy beside every JS, CSS, SVG and WASM asset of the page, for servers that serve the copy as it is.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { constants, gzipSync } from 'node:zlib';

const ASSETS = new URL('../../src/nst/api/page/assets/', import.meta.url);

for (const name of readdirSync(ASSETS).filter((file) => /\.(js|css|svg|wasm)$/.test(file))) {
  const text = readFileSync(new URL(name, ASSETS));
  writeFileSync(new URL(`${name}.gz`, ASSETS), gzipSync(text, { level: constants.Z_BEST_COMPRESSION }));
}
