/** Learned styles that the server keeps for this browser. */

import { addLearnedStyle, deleteLearnedStyle, getLearnedStyles, renameLearnedStyle } from './api';
import type { Picture } from './submission';
import type { LearnedStyle, Options } from './types';

/** Value of `format` that marks a learned style among the pictures of a job. */
export const LEARNED_FORMAT = 'NST';

/** Options that affect what a learned style paints. */
const OBEYED = ['size', 'color', 'color_amount', 'bit_depth'];

class LearnedStyles {
  /** Learned styles, newest first. */
  all = $state.raw<LearnedStyle[]>([]);

  /** Loads the learned styles from the server. Raises Problem. */
  async load(): Promise<void> {
    this.all = await getLearnedStyles();
  }

  /** Uploads the file of a learned style, which the server checks. Raises Problem. */
  async add(file: File): Promise<LearnedStyle> {
    const style = await addLearnedStyle(file);
    this.all = [style, ...this.all];
    return style;
  }

  /** Renames a learned style. Raises Problem. */
  async rename(id: string, name: string): Promise<void> {
    const renamed = await renameLearnedStyle(id, name);
    this.all = this.all.map((style) => (style.id === id ? renamed : style));
  }

  /** Deletes a learned style on the server. Raises Problem. */
  async remove(id: string): Promise<void> {
    await deleteLearnedStyle(id);
    this.all = this.all.filter((style) => style.id !== id);
  }
}

export const isLearnedFile = (file: File) => /\.nst$/i.test(file.name);

/** Returns whether a picture is a learned style, of this browser or of an earlier job. */
export const isLearned = (picture: Picture) => picture.format === LEARNED_FORMAT;

export function pictureOfLearned({ id, name, size_bytes, links }: LearnedStyle): Picture {
  return {
    source: { kind: 'learned', id, address: links.file },
    name: `${name}.nst`,
    url: null,
    size: null,
    format: LEARNED_FORMAT,
    bytes: size_bytes,
  };
}

/** Returns the changes that affect a learned style; colour matching is omitted, as a learned style cannot match. */
export function obeyed(changes: Options): Options {
  return Object.fromEntries(
    Object.entries(changes).filter(([name, value]) => OBEYED.includes(name) && value !== 'match'),
  );
}

export const learned = new LearnedStyles();
