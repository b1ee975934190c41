import { beforeEach, expect, it } from 'vitest';
import { loadLooks, lookFile, parseLooks, saveLooks, withLook, type Look } from './looks';

const look: Look = { name: 'Soft & fine', preset: 'quality', options: { style_scale: 0.5, strength: 0.3 } };

beforeEach(() => {
  localStorage.clear();
});

it('comes back from its file as it was', async () => {
  const file = lookFile(look);
  expect(file.name).toBe('soft-fine.nst.json');
  expect(parseLooks(await file.text())).toEqual([look]);
});

it('is kept by the browser', () => {
  saveLooks([look]);
  expect(loadLooks()).toEqual([look]);
});

it('replaces one of the same name', () => {
  const newer = { ...look, preset: 'draft' };
  expect(withLook([look], newer)).toEqual([newer]);
});

it.each(['', 'no json', '[]', '{"name": "x"}', '[1]', '{"name": 1, "preset": "a", "options": {}}'])(
  'is not found in %j',
  (text) => {
    expect(parseLooks(text)).toBeNull();
  },
);
