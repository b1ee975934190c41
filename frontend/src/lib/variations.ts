/** Variations: four paintings of the same images that differ in one option, to choose from. */

import { unmetNeed } from './options';
import type { Order } from './submission';
import type { Options, OptionsDocument } from './types';

export type Varied = 'strength' | 'seed';

const STRENGTHS = [0.2, 0.4, 0.6, 0.8];
const COUNT = STRENGTHS.length;

/** Returns what can be varied with these options; nothing for a draft. */
export function variable(document: OptionsDocument, options: Options): Varied[] {
  const names = ['strength', 'seed'] as const;
  return names.filter((name) => name in document.schema.properties && !unmetNeed(document, options, name));
}

/** Returns the orders of the variations. `seed` is the seed of the first order; the others count up from it. */
export function variationsOf(order: Order, varied: Varied, seed: number): Order[] {
  const values = varied === 'strength' ? STRENGTHS : Array.from({ length: COUNT }, (_, index) => seed + index);
  return values.map((value) => ({ ...order, changes: { ...order.changes, [varied]: value } }));
}

/** Returns the option in which these variations differ, for their labels. */
export function variedIn(all: Options[]): Varied {
  return new Set(all.map((options) => options['strength'])).size > 1 ? 'strength' : 'seed';
}
