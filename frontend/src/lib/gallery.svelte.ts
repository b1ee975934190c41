/** Styles to choose from: favourites, the search, and the uploads that this browser keeps. */

import { get, update } from 'idb-keyval';
import { keep, listen, recall } from './store';
import type { Picture } from './submission';
import type { Sample } from './types';
import { sampleTitle } from './words';

const OWN_KEY = 'nst-own-styles';
const FAVOURITES_KEY = 'nst-favourite-styles';
/** Maximum number of uploads that are kept; the oldest are removed first. */
export const MOST_OWN = 24;

/** Returns the key of an image, from its name and size in bytes: the same file has the same key. */
export const keyOf = ({ name, bytes }: Picture) => `${name}/${bytes ?? 0}`;

class Gallery {
  query = $state('');
  favourites = $state.raw<string[]>(loadFavourites());
  /** Uploaded style images, newest first; each has its file. */
  own = $state.raw<Picture[]>([]);

  constructor() {
    listen(FAVOURITES_KEY, () => (this.favourites = loadFavourites()));
  }

  /** Returns the samples whose title matches the search, favourites first. */
  shown(samples: Sample[]): Sample[] {
    const query = this.query.trim().toLowerCase();
    const found = samples.filter((sample) => sampleTitle(sample).toLowerCase().includes(query));
    const rank = ({ name }: Sample) => (this.isFavourite(name) ? 0 : 1);
    return found.toSorted((one, other) => rank(one) - rank(other));
  }

  isFavourite(name: string): boolean {
    return this.favourites.includes(name);
  }

  toggleFavourite(name: string): void {
    const others = loadFavourites().filter((other) => other !== name);
    this.favourites = this.isFavourite(name) ? others : [...others, name];
    keep(FAVOURITES_KEY, JSON.stringify(this.favourites));
  }

  get ownSamples(): Sample[] {
    return this.own.map((picture) => {
      const url = picture.url ?? '';
      return { name: keyOf(picture), title: picture.name, url, thumb: url };
    });
  }

  async load(): Promise<void> {
    const kept = await get<Picture[]>(OWN_KEY).catch(() => undefined);
    this.own = [...this.own, ...(kept ?? []).map(copyOf).filter((one) => !this.find(keyOf(one)))];
  }

  find(key: string): Picture | undefined {
    return this.own.find((picture) => keyOf(picture) === key);
  }

  /** Keeps an upload if the browser can show it: nobody could choose an invisible image by its look. */
  add(picture: Picture): void {
    if (picture.source.kind !== 'file' || picture.url === null || this.find(keyOf(picture))) return;
    const copy = copyOf(picture);
    this.#change((own) => [copy, ...without(own, keyOf(copy))].slice(0, MOST_OWN));
  }

  remove(key: string): void {
    const picture = this.find(key);
    if (picture?.url) URL.revokeObjectURL(picture.url);
    this.#change((own) => without(own, key));
  }

  /** Changes the uploads that are shown, and those that are stored, which another tab may have changed. */
  #change(change: (own: Picture[]) => Picture[]): void {
    this.own = change(this.own);
    void update<Picture[]>(OWN_KEY, (own = []) => change(own)).catch(() => undefined);
  }
}

/** Copies a picture, with a new object URL for its file and without Svelte's proxies, which IndexedDB cannot store. */
export function copyOf(picture: Picture): Picture {
  const { source, name, size, format, bytes } = picture;
  const url = source.kind === 'file' ? URL.createObjectURL(source.seen ?? source.file) : picture.url;
  return { source: { ...source }, name, url, size: size && [...size], format, bytes };
}

const without = (pictures: Picture[], key: string) => pictures.filter((picture) => keyOf(picture) !== key);

function loadFavourites(): string[] {
  try {
    const found: unknown = JSON.parse(recall(FAVOURITES_KEY) ?? '[]');
    return Array.isArray(found) ? found.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

export const gallery = new Gallery();
