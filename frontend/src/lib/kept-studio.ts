/**
 * Storage of the studio: its images, masks and settings stay in this browser's IndexedDB until they are replaced or
 * removed. If the browser stores nothing, the studio is empty after a reload.
 */

import { get, set } from 'idb-keyval';
import type { FilmFacts, Mask, Picture, Repeated, Style } from './submission';
import type { Options } from './types';

const KEY = 'nst-studio';

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

interface KeptStyle extends Omit<Style, 'mask'> {
  mask: Blob | null;
}

interface KeptTable extends Omit<Table, 'styles' | 'detailMap' | 'more' | 'eachAlone' | 'repeated'> {
  /** Further photos; earlier versions of the page stored neither `more` nor `eachAlone` nor `repeated`. */
  more?: Picture[];
  eachAlone?: boolean;
  repeated?: Repeated | null;
  styles: KeptStyle[];
  detailMap: Blob | null;
}

/** Stores the table in place of the previous one. */
export async function keepTable(table: Table): Promise<void> {
  try {
    await set(KEY, packed(table));
  } catch {
    // The studio works without storage.
  }
}

/** Returns the stored table, with new object URLs for its files; null if none can be read. */
export async function recallTable(): Promise<Table | null> {
  try {
    const kept = await get<KeptTable>(KEY);
    return kept ? unpacked(kept) : null;
  } catch {
    return null;
  }
}

/** Replaces masks by their files: object URLs become invalid when the page is closed. */
function packed(table: Table): KeptTable {
  return {
    ...table,
    styles: table.styles.map((style) => ({ ...style, mask: style.mask?.file ?? null })),
    detailMap: table.detailMap?.file ?? null,
  };
}

function unpacked(kept: KeptTable): Table {
  return {
    ...kept,
    content: kept.content && complete(withAddress(kept.content)),
    more: (kept.more ?? []).map(withAddress),
    eachAlone: kept.eachAlone ?? false,
    repeated: kept.repeated ?? null,
    styles: kept.styles.map((style) => ({ ...style, picture: withAddress(style.picture), mask: maskOf(style.mask) })),
    detailMap: maskOf(kept.detailMap),
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
