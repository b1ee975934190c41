import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ENGLISH, errorText, texts } from '../texts';
import * as GERMAN from '../texts.de';
import { allOf, day, editable, fileSize, hundredths, plainNumber, typedNumber } from './format';
import { language, languageFor } from './language.svelte';
import { fieldsOf, valueOf } from './options';
import { DOCUMENT } from './fixtures';
import { sampleTitle } from './words';

beforeEach(() => localStorage.clear());
afterEach(() => language.choose('en'));

it.each([
  [null, ['de-AT', 'en'], 'de'],
  [null, ['pl', 'DE'], 'de'],
  [null, ['en-GB', 'de'], 'en'],
  [null, ['pl'], 'en'],
  [null, [], 'en'],
  ['en', ['de'], 'en'],
  ['de', ['en'], 'de'],
  ['toString', ['de'], 'de'],
])('chosen %s, preferred %s: %s', (chosen, preferred, spoken) => {
  expect(languageFor(chosen, preferred)).toBe(spoken);
});

it('begins in the language of the browser, and in the chosen one after that', async () => {
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['de-DE']);
  await language.begin();
  expect([language.current, document.documentElement.lang, texts.nav.history]).toEqual(['de', 'de', 'Meine Bilder']);
  expect(errorText('offline').what).toBe('Der Server ist nicht erreichbar.');
  await language.choose('en');
  expect([texts.nav.history, localStorage.getItem('nst-language')]).toEqual(['My pictures', 'en']);
  await language.begin();
  expect([language.current, document.documentElement.lang]).toEqual(['en', 'en']);
});

it('works where the browser keeps nothing', async () => {
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new Error('blocked');
  });
  await language.choose('de');
  expect(texts.studio.title).toBe('Atelier');
});

it('writes and reads numbers and dates as Germans do', async () => {
  await language.choose('de');
  expect([plainNumber(30_000), plainNumber(0.5), hundredths(0.3)]).toEqual(['30 000', '0,5', '0,30']);
  expect([plainNumber(3.21e12), plainNumber(0.000025)]).toEqual(['3,2e12', '2,5e-5']);
  expect([fileSize(812), fileSize(3_440_000)]).toEqual(['812 Byte', '3,4 MB']);
  expect([day('2026-03-05T12:00:00Z'), allOf(['JPEG', 'PNG'])]).toEqual(['5. März 2026', 'JPEG und PNG']);
  expect([editable(0.005), typedNumber('0,005'), typedNumber('0.005')]).toEqual(['0,005', 0.005, 0.005]);
  const size = fieldsOf(DOCUMENT).find(({ name }) => name === 'strength');
  expect(size && valueOf(size, '0,25')).toBe(0.25);
});

it('takes no comma for a point in English', () => {
  expect(typedNumber('0,5')).toBeNaN();
});

it('names what has no translation as the server does', async () => {
  const sample = { name: 'new', title: 'New', url: '', thumb: '' };
  await language.choose('de');
  expect([sampleTitle(sample), sampleTitle({ ...sample, name: 'cat' })]).toEqual(['New', 'Katze']);
});

type Leaf = [path: string, value: unknown];

const leaves = (value: unknown, path = ''): Leaf[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`))
    : [[path, value]];

/** Returns whether this text exists only in translations; English takes it from the server. */
const isAddition = (path: string) => /^\.texts\.(options\.(help|units)|samples\.titles)\./.test(path);

const english = leaves({ ...ENGLISH });
const german = leaves({ ...GERMAN }).filter(([path]) => !isAddition(path));

it('has the same sentences in German, with the same parameters', () => {
  expect(german.map(([path]) => path).toSorted()).toEqual(english.map(([path]) => path).toSorted());
  const arity = ([path, value]: Leaf) => `${path} ${typeof value === 'function' ? value.length : typeof value}`;
  expect(german.map(arity).toSorted()).toEqual(english.map(arity).toSorted());
});

it('leaves no English sentence in German', () => {
  const known = new Map(german);
  const same = english.filter(([path, value]) => typeof value === 'string' && / .* /.test(value) && known.get(path) === value);
  expect(same).toEqual([]);
});

it('speaks to nobody as du or Sie', () => {
  const sentences = leaves({ ...GERMAN }).map(([path, value]) => [path, String(value)] as const);
  expect(sentences.filter(([, text]) => /\b(?:[Dd]u|[Dd]eine?\w?|[Dd]ich|[Dd]ir|Ihnen|Ihre?\w?)\b/.test(text))).toEqual([]);
});
