/**
 * Storage of the studio: its images, masks and settings stay in this browser's IndexedDB until they are replaced or
 * removed. The files have a record of their own, since each step of a slider stores the settings, and photos are large.
 * If the browser stores nothing, the studio is empty after a reload.
 */

import { createStore, getMany, promisifyRequest } from 'idb-keyval';
import { newKey } from './api';
import type { FilmFacts, Mask, Picture, Repeated, Style } from './submission';
import type { Options } from './types';

const KEY = 'nst-studio';
const FILES_KEY = 'nst-studio-files';
const store = createStore('keyval-store', 'keyval');

/** Files that this tab has stored or restored last, and the random id that the table has with them. */
let last: { id: string; files: Blob[] } = { id: '', files: [] };

export interface Table {
  content: Picture | null;
  /** Further photos that are painted like the first one. */
  more: Picture[];
  styles: Style[];
  /** Whether each style makes a separate painting. */
  eachAlone: boolean;
  detailMap: Mask | null;
  preset: string;
  changes: Options;
  repeated: Repeated | null;
}

/** Number of a file in the record of the files; earlier versions of the page stored the file itself. */
type KeptFile = number | Blob;

interface KeptPicture extends Omit<Picture, 'source'> {
  source: Exclude<Picture['source'], { kind: 'file' }> | { kind: 'file'; file: KeptFile; seen?: KeptFile };
}

interface KeptStyle extends Omit<Style, 'picture' | 'mask'> {
  picture: KeptPicture;
  mask: KeptFile | null;
}

interface KeptTable extends Omit<Table, 'content' | 'styles' | 'detailMap' | 'more' | 'eachAlone' | 'repeated'> {
  /** Further photos; earlier versions of the page stored neither `more` nor `eachAlone` nor `repeated`. */
  more?: KeptPicture[];
  eachAlone?: boolean;
  repeated?: Repeated | null;
  content: KeptPicture | null;
  styles: KeptStyle[];
  detailMap: KeptFile | null;
  /** Id of the files that belong to this table. */
  filesId?: string;
}

/** Stores the table in place of the previous one, and its files if others are stored, maybe by another tab. */
export async function keepTable(table: Table): Promise<void> {
  const { kept, files } = packed(table);
  const isSame = files.length === last.files.length && files.every((file, index) => file === last.files[index]);
  if (!isSame) last = { id: newKey(), files };
  const filesId = last.id;
  try {
    await store('readwrite', async (records) => {
      const stored = await promisifyRequest<KeptTable | undefined>(records.get(KEY) as IDBRequest<KeptTable | undefined>);
      if (stored?.filesId !== filesId) records.put(files, FILES_KEY);
      records.put({ ...kept, filesId }, KEY);
      await promisifyRequest(records.transaction);
    });
  } catch {
    // The studio works without storage.
  }
}

/** Returns the stored table, with new object URLs for its files; null if none can be read. */
export async function recallTable(): Promise<Table | null> {
  try {
    const [kept, files = []] = (await getMany([KEY, FILES_KEY], store)) as [KeptTable?, Blob[]?];
    if (!kept) return null;
    last = { id: kept.filesId ?? newKey(), files };
    return unpacked(kept, files);
  } catch {
    return null;
  }
}

/** Replaces files by their numbers, and masks by those of their files: object URLs become invalid when the page is closed. */
function packed(table: Table): { kept: KeptTable; files: Blob[] } {
  const files: Blob[] = [];
  const put = (file: Blob) => files.push(file) - 1;
  const picture = ({ source, ...facts }: Picture): KeptPicture => {
    if (source.kind !== 'file') return { ...facts, source };
    return { ...facts, source: { kind: 'file', file: put(source.file), ...(source.seen && { seen: put(source.seen) }) } };
  };
  const kept = {
    ...table,
    content: table.content && picture(table.content),
    more: table.more.map(picture),
    styles: table.styles.map((style) => ({ ...style, picture: picture(style.picture), mask: style.mask && put(style.mask.file) })),
    detailMap: table.detailMap && put(table.detailMap.file),
  };
  return { kept, files };
}

function unpacked(kept: KeptTable, files: Blob[]): Table {
  const take = (file: KeptFile) => (typeof file === 'number' ? files[file] : file) as Blob;
  const mask = (file: KeptFile | null) => maskOf(file === null ? null : take(file));
  const picture = ({ source, ...facts }: KeptPicture): Picture => {
    if (source.kind !== 'file') return { ...facts, source };
    const seen = source.seen !== undefined && { seen: take(source.seen) };
    return withAddress({ ...facts, source: { kind: 'file', file: take(source.file) as File, ...seen } });
  };
  return {
    ...kept,
    content: kept.content && complete(picture(kept.content)),
    more: (kept.more ?? []).map(picture),
    eachAlone: kept.eachAlone ?? false,
    repeated: kept.repeated ?? null,
    styles: kept.styles.map((style) => ({ ...style, picture: picture(style.picture), mask: mask(style.mask) })),
    detailMap: mask(kept.detailMap),
  };
}

export const maskOf = (file: Blob | null): Mask | null => file && { file, url: URL.createObjectURL(file) };

/** Adds the facts of a film that earlier versions of the page did not store. */
function complete({ film, ...picture }: Picture): Picture {
  return film ? { ...picture, film: { ...UNKNOWN_FILM, ...film } } : picture;
}

const UNKNOWN_FILM: FilmFacts = { seconds: null, frames: null, passes: 1 };

function withAddress(picture: Picture): Picture {
  const { source, url } = picture;
  return source.kind === 'file' && url !== null ? { ...picture, url: URL.createObjectURL(source.seen ?? source.file) } : picture;
}
