// Fails the build if a page, a language, the fonts or an image exceeds its size limit, if anything is loaded from
// another host, or if index.html has an inline script. Scripts, languages and styles are measured after gzip.
import { readFileSync, readdirSync } from 'node:fs';

const PAGE = new URL('../../src/nst/api/page/', import.meta.url);
const LIMITS_BYTES = { script: 120_000, language: 15_000, style: 20_000, font: 100_000, picture: 60_000 };

const read = (/** @type {string} */ file) => readFileSync(new URL(file, PAGE));
const zipped = (/** @type {string} */ file) => read(`${file}.gz`).length;

/** @typedef {{file: string, imports?: string[], dynamicImports?: string[], css?: string[], isEntry?: boolean, isDynamicEntry?: boolean}} Chunk */
/** @type {Record<string, Chunk>} */
const manifest = JSON.parse(read('.vite/manifest.json').toString());

/** Returns these chunks and all that they import statically. @param {string[]} names @param {Set<string>} seen */
function together(names, seen = new Set()) {
  for (const name of names) {
    if (seen.has(name)) continue;
    seen.add(name);
    together(manifest[name]?.imports ?? [], seen);
  }
  return seen;
}

/** @param {string[]} names */
function weigh(names) {
  const chunks = [...together(names)].map((name) => /** @type {Chunk} */ (manifest[name]));
  const styles = new Set(chunks.flatMap((chunk) => chunk.css ?? []));
  const sum = (/** @type {Iterable<string>} */ files) => [...files].reduce((all, file) => all + zipped(file), 0);
  return { script: sum(chunks.map((chunk) => chunk.file)), style: sum(styles) };
}

const problems = [];
const entry = Object.keys(manifest).find((name) => manifest[name]?.isEntry) ?? 'index.html';
const isLanguage = (/** @type {string} */ name) => /^src\/texts\.\w+\.ts$/.test(name);
const later = Object.keys(manifest).filter((name) => manifest[name]?.isDynamicEntry);
const languages = later.filter(isLanguage);
for (const language of languages) {
  const script = zipped(/** @type {Chunk} */ (manifest[language]).file);
  console.log(`${language}: ${(script / 1000).toFixed(1)} kB more for its readers, compressed`);
  if (script > LIMITS_BYTES.language) problems.push(`${language} has ${script} bytes, ${LIMITS_BYTES.language} are allowed`);
}
for (const page of later.filter((name) => name.startsWith('src/pages/'))) {
  const { script, style } = weigh([entry, page]);
  console.log(`${page}: ${(script / 1000).toFixed(1)} kB of JavaScript, ${(style / 1000).toFixed(1)} kB of CSS, compressed`);
  if (script > LIMITS_BYTES.script) problems.push(`${page} loads ${script} bytes of JavaScript, ${LIMITS_BYTES.script} are allowed`);
  if (style > LIMITS_BYTES.style) problems.push(`${page} loads ${style} bytes of CSS, ${LIMITS_BYTES.style} are allowed`);
}

const assets = readdirSync(new URL('assets/', PAGE)).map((name) => `assets/${name}`);
const fonts = assets.filter((file) => file.endsWith('.woff2')).reduce((all, file) => all + read(file).length, 0);
if (fonts > LIMITS_BYTES.font) problems.push(`${fonts} bytes of fonts, ${LIMITS_BYTES.font} are allowed`);
for (const file of assets.filter((name) => /\.(webp|jpe?g|png|avif)$/.test(name))) {
  if (read(file).length > LIMITS_BYTES.picture) problems.push(`${file} is larger than ${LIMITS_BYTES.picture} bytes`);
}
for (const file of ['index.html', ...assets.filter((name) => name.endsWith('.css'))]) {
  const elsewhere = read(file).toString().match(/(?:src|href)="https?:[^"]*|url\(["']?(?:https?:)?\/\/[^)]*/);
  if (elsewhere) problems.push(`${file} asks another host: ${elsewhere[0]}`);
}
if (/<script(?![^>]*\ssrc=)/.test(read('index.html').toString())) problems.push('index.html has an inline script');

for (const problem of problems) console.error(problem);
process.exitCode = problems.length ? 1 : 0;
