/** The part of a photo that is painted, and which way up it is. */

/** Edges as shares of the turned photo's width and height, from its upper left corner. */
export interface Crop {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export type Corner = readonly ['left' | 'right', 'top' | 'bottom'];

export const CORNERS: Corner[] = [
  ['left', 'top'],
  ['right', 'top'],
  ['left', 'bottom'],
  ['right', 'bottom'],
];

export const WHOLE: Crop = { left: 0, top: 0, right: 1, bottom: 1 };

/** Smallest width and height of a crop. */
const LEAST = 0.05;

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** The crop with one corner moved by these shares; it stays inside the photo, and never turns inside out. */
export function withCorner(crop: Crop, [side, edge]: Corner, dx: number, dy: number): Crop {
  const x = crop[side] + dx;
  const y = crop[edge] + dy;
  return {
    ...crop,
    [side]: side === 'left' ? clamp(x, 0, crop.right - LEAST) : clamp(x, crop.left + LEAST, 1),
    [edge]: edge === 'top' ? clamp(y, 0, crop.bottom - LEAST) : clamp(y, crop.top + LEAST, 1),
  };
}

/** The crop moved as a whole, as far as the photo goes. */
export function shifted({ left, top, right, bottom }: Crop, dx: number, dy: number): Crop {
  const x = clamp(dx, -left, 1 - right);
  const y = clamp(dy, -top, 1 - bottom);
  return { left: left + x, top: top + y, right: right + x, bottom: bottom + y };
}

/** The same part after a quarter turn clockwise. */
export const turnedClockwise = ({ left, top, right, bottom }: Crop): Crop => ({
  left: 1 - bottom,
  top: left,
  right: 1 - top,
  bottom: right,
});

export const isWhole = (crop: Crop) =>
  crop.left === 0 && crop.top === 0 && crop.right === 1 && crop.bottom === 1;
