import 'fake-indexeddb/auto';
import { File as CloneableFile } from 'node:buffer';
import { clear } from 'idb-keyval';
import { beforeEach, expect, it, vi } from 'vitest';
import type { Picture } from './submission';

let count = 0;

beforeEach(async () => {
  localStorage.clear();
  await clear();
  vi.resetModules();
  URL.createObjectURL = () => `blob:${++count}`;
  URL.revokeObjectURL = () => undefined;
});

const opened = async () => (await import('./gallery.svelte')).gallery;

const sample = (name: string) => ({ name, title: name, url: `/${name}`, thumb: `/${name}` });

function upload(name: string): Picture {
  const file = new CloneableFile(['bytes'], name, { type: 'image/jpeg' }) as unknown as File;
  return { source: { kind: 'file', file }, name, url: 'blob:theirs', size: [60, 40], format: 'JPEG', bytes: 5 };
}

it('finds by title, favourites first, also after a reload', async () => {
  const samples = ['mosaic', 'impasto', 'cubist'].map(sample);
  const gallery = await opened();
  gallery.toggleFavourite('cubist');
  expect(gallery.shown(samples).map(({ name }) => name)).toEqual(['cubist', 'mosaic', 'impasto']);
  gallery.query = ' IM';
  expect(gallery.shown(samples).map(({ name }) => name)).toEqual(['impasto']);
  vi.resetModules();
  const again = await opened();
  expect(again.isFavourite('cubist')).toBe(true);
  again.toggleFavourite('cubist');
  expect(again.favourites).toEqual([]);
});

it('keeps the favourites and the uploads of two tabs', async () => {
  const one = await opened();
  vi.resetModules();
  const other = await opened();
  one.toggleFavourite('cubist');
  other.toggleFavourite('mosaic');
  one.add(upload('one.jpg'));
  other.add(upload('other.jpg'));
  one.add(upload('third.jpg'));
  one.remove('one.jpg/5');
  dispatchEvent(new StorageEvent('storage', { key: 'nst-favourite-styles' }));
  expect(one.favourites).toEqual(['cubist', 'mosaic']);
  vi.resetModules();
  const again = await opened();
  await again.load();
  expect(again.favourites).toEqual(['cubist', 'mosaic']);
  expect(again.own.map(({ name }) => name).toSorted()).toEqual(['other.jpg', 'third.jpg']);
});

it('keeps uploads once, newest first, until they are removed', async () => {
  const gallery = await opened();
  for (const name of ['a.jpg', 'b.jpg', 'a.jpg']) gallery.add(upload(name));
  expect(gallery.own.map(({ name }) => name)).toEqual(['b.jpg', 'a.jpg']);
  expect(gallery.own[0]?.url).not.toBe('blob:theirs');
  vi.resetModules();
  const again = await opened();
  await again.load();
  expect(again.ownSamples.map(({ title }) => title)).toEqual(['b.jpg', 'a.jpg']);
  again.remove('b.jpg/5');
  expect(again.own.map(({ name }) => name)).toEqual(['a.jpg']);
});

it('survives what it did not write', async () => {
  localStorage.setItem('nst-favourite-styles', '{nonsense');
  expect((await opened()).favourites).toEqual([]);
});
