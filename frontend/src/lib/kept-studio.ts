/**
 * Pictures, masks and settings of the studio, kept in IndexedDB of this browser until they are replaced or removed.
 * Where the browser keeps nothing, the studio begins empty after a reload.
 */

import { get, set } from 'idb-keyval';
import type { FilmFacts, Mask, Picture, Style } from './submission';
import type { Options } from './types';

const KEY = 'nst-studio';

export interface Table {
  content: Picture | null;
  /** Photos that are painted like the first one. */
  more: Picture[];
  styles: Style[];
  /** Whether each style makes a painting of its own. */
  eachAlone: boolean;
  detailMap: Mask | null;
  preset: string;
  changes: Options;
}

interface KeptStyle extends Omit<Style, 'mask'> {
  mask: Blob | null;
}

interface KeptTable extends Omit<Table, 'styles' | 'detailMap' | 'more' | 'eachAlone'> {
  /** Earlier versions of the page had none of the two. */
  more?: Picture[];
  eachAlone?: boolean;
  styles: KeptStyle[];
  detailMap: Blob | null;
}

/** Replaces what was kept before. */
export async function keepTable(table: Table): Promise<void> {
  try {
    await set(KEY, packed(table));
  } catch {
    // The studio works without.
  }
}

/** What was kept, with new addresses of its files; null if nothing was. */
export async function recallTable(): Promise<Table | null> {
  try {
    const kept = await get<KeptTable>(KEY);
    return kept ? unpacked(kept) : null;
  } catch {
    return null;
  }
}

/** Addresses of files die with the page: only the files are kept. */
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
    styles: kept.styles.map((style) => ({ ...style, picture: withAddress(style.picture), mask: maskOf(style.mask) })),
    detailMap: maskOf(kept.detailMap),
  };
}

export const maskOf = (file: Blob | null): Mask | null => file && { file, url: URL.createObjectURL(file) };

/** What an earlier version of the page kept of a film lacks facts. */
function complete({ film, ...picture }: Picture): Picture {
  return film ? { ...picture, film: { ...UNKNOWN_FILM, ...film } } : picture;
}

const UNKNOWN_FILM: FilmFacts = { seconds: null, frames: null, passes: 1 };

function withAddress(picture: Picture): Picture {
  const { source, url } = picture;
  return source.kind === 'file' && url !== null ? { ...picture, url: URL.createObjectURL(source.seen ?? source.file) } : picture;
}
