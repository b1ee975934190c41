import 'fake-indexeddb/auto';
import { Blob as CloneableBlob, File as CloneableFile } from 'node:buffer';
import { set } from 'idb-keyval';
import { beforeEach, expect, it, vi } from 'vitest';
import { keepTable, recallTable, type Table } from './kept-studio';

let count = 0;

beforeEach(() => {
  count = 0;
  URL.createObjectURL = () => `blob:${++count}`;
});

const file = new CloneableFile(['bytes'], 'me.jpg', { type: 'image/jpeg' }) as unknown as File;
const mask = new CloneableBlob(['white'], { type: 'image/png' }) as unknown as Blob;

const table: Table = {
  content: { source: { kind: 'file', file }, name: 'me.jpg', url: 'blob:dead', size: [60, 40], format: 'JPEG', bytes: 5 },
  more: [{ source: { kind: 'file', file }, name: 'you.jpg', url: 'blob:dead', size: [60, 40], format: 'JPEG', bytes: 5 }],
  styles: [
    {
      id: 7,
      picture: {
        source: { kind: 'sample', name: 'impasto', address: '/impasto' },
        name: 'Impasto',
        url: '/impasto',
        size: null,
        format: null,
        bytes: null,
      },
      blend: 25,
      mask: { file: mask, url: 'blob:dead' },
    },
  ],
  eachAlone: true,
  detailMap: null,
  preset: 'fast',
  changes: { size: 800, style_blend: [0.3, 0.7] },
  repeated: { changes: [{ step: 3, values: { strength: 0.9 } }], stopAfter: 7 },
};

it('keeps pictures, masks and settings, and gives their files new addresses', async () => {
  await keepTable(table);
  const found = (await recallTable()) as Table;
  expect(found).toMatchObject({ preset: 'fast', eachAlone: true, changes: table.changes, repeated: table.repeated, detailMap: null });
  expect(found.content).toMatchObject({ name: 'me.jpg', url: 'blob:1', size: [60, 40] });
  expect(await (found.content?.source as { file: File }).file.text()).toBe('bytes');
  expect(found.styles[0]).toMatchObject({ blend: 25, picture: { url: '/impasto' } });
  expect(found.more.map(({ name, url }) => [name, url])).toEqual([['you.jpg', 'blob:2']]);
  expect(found.styles[0]?.mask?.url).toBe('blob:3');
  expect(await found.styles[0]?.mask?.file.text()).toBe('white');
});

it('writes the files again only when they change, or when another tab has stored its own', async () => {
  const written: string[] = [];
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value: unknown, key) {
    written.push(String(key));
    return put.call(this, value, key);
  });
  const writes = () => written.splice(0);
  await keepTable({ ...table, more: [] });
  expect(writes()).toEqual(['nst-studio-files', 'nst-studio']);
  await keepTable({ ...table, more: [], changes: { size: 900 } });
  expect(writes()).toEqual(['nst-studio']);

  vi.resetModules();
  const otherTab = await import('./kept-studio');
  await otherTab.recallTable();
  await otherTab.keepTable({ ...table, content: null });
  expect(writes()).toEqual(['nst-studio-files', 'nst-studio']);
  await keepTable({ ...table, more: [] });
  expect(writes()).toEqual(['nst-studio-files', 'nst-studio']);

  const found = await otherTab.recallTable();
  await otherTab.keepTable({ ...(found as Table), preset: 'quality' });
  expect(writes()).toEqual(['nst-studio']);
});

it('restores what an earlier version of the page has stored, with the files in it', async () => {
  await set('nst-studio', { ...table, styles: [{ ...table.styles[0], mask }], filesId: undefined });
  const found = await recallTable();
  expect(await (found?.content?.source as { file: File }).file.text()).toBe('bytes');
  expect(await found?.styles[0]?.mask?.file.text()).toBe('white');
});

it('keeps that something was removed', async () => {
  await keepTable(table);
  await keepTable({ ...table, content: null, styles: [] });
  expect(await recallTable()).toMatchObject({ content: null, styles: [] });
});

it('begins empty where the browser keeps nothing', async () => {
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(() => {
    throw new DOMException('no', 'SecurityError');
  });
  await expect(keepTable(table)).resolves.toBeUndefined();
  expect(await recallTable()).toBeNull();
});
