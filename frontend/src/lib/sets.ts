/** Sets: several photos painted in the same styles with the same settings. */

import type { Order, Picture } from './submission';

/**
 * Returns one order for each photo; with `eachAlone` one for each photo and style. Masks and the detail map were drawn
 * on the first photo, and stay with it.
 */
export function ordersOf(order: Order, more: Picture[], eachAlone: boolean): Order[] {
  const groups = eachAlone ? order.styles.map((style) => [style]) : [order.styles];
  const unmasked = order.styles.map((style) => ({ ...style, mask: null }));
  const groupsOfMore = eachAlone ? unmasked.map((style) => [style]) : [unmasked];
  return [
    ...groups.map((styles) => ({ ...order, styles })),
    ...more.flatMap((content) => groupsOfMore.map((styles) => ({ ...order, content, styles, detailMap: null }))),
  ];
}

/** Joins the ids of several jobs with commas, for one address. */
export const idsOf = (jobs: { id: string }[]) => jobs.map(({ id }) => id).join(',');
