/** Looks: named settings, stored by this browser and exchanged as JSON files. */

import { keep, listen, recall } from './store';
import type { Options } from './types';

export interface Look {
  name: string;
  preset: string;
  options: Options;
}

const KEY = 'nst-looks';

/** Parses the looks in a JSON text; null if it contains none, or anything else. */
export function parseLooks(text: string): Look[] | null {
  try {
    const found: unknown = JSON.parse(text);
    const list = Array.isArray(found) ? found : [found];
    return list.length > 0 && list.every(isLook) ? list : null;
  } catch {
    return null;
  }
}

function isLook(value: unknown): value is Look {
  if (typeof value !== 'object' || value === null) return false;
  const { name, preset, options } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof preset === 'string' && typeof options === 'object' && options !== null;
}

export function loadLooks(): Look[] {
  return parseLooks(recall(KEY) ?? '') ?? [];
}

export function saveLooks(looks: Look[]): void {
  keep(KEY, JSON.stringify(looks));
}

/** Calls a function whenever another tab has saved or removed looks. */
export function listenToLooks(onChange: () => void): void {
  listen(KEY, onChange);
}

/** Adds a look, which replaces a look of the same name. */
export function withLook(looks: Look[], look: Look): Look[] {
  return [...looks.filter((other) => other.name !== look.name), look];
}

export function lookFile(look: Look): File {
  const name = look.name.replaceAll(/[^\p{L}\p{N}]+/gu, '-').toLowerCase();
  return new File([JSON.stringify(look, null, 2)], `${name}.nst.json`, { type: 'application/json' });
}
