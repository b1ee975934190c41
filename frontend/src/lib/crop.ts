/** Crop and rotation of the photo to be painted. */

/** Edges of a crop as shares (0 to 1) of the rotated photo's width and height, from its upper left corner. */
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

/** Minimum width and height of a crop, as a share of the photo's. */
const LEAST = 0.05;

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** Moves one corner by these shares of the photo; the crop stays inside the photo, and its edges never cross. */
export function withCorner(crop: Crop, [side, edge]: Corner, dx: number, dy: number): Crop {
  const x = crop[side] + dx;
  const y = crop[edge] + dy;
  return {
    ...crop,
    [side]: side === 'left' ? clamp(x, 0, crop.right - LEAST) : clamp(x, crop.left + LEAST, 1),
    [edge]: edge === 'top' ? clamp(y, 0, crop.bottom - LEAST) : clamp(y, crop.top + LEAST, 1),
  };
}

/** Moves the whole crop by these shares of the photo, at most up to the photo's edges. */
export function shifted({ left, top, right, bottom }: Crop, dx: number, dy: number): Crop {
  const x = clamp(dx, -left, 1 - right);
  const y = clamp(dy, -top, 1 - bottom);
  return { left: left + x, top: top + y, right: right + x, bottom: bottom + y };
}

/** Returns the crop of the same part after the photo is rotated by a quarter turn clockwise. */
export const turnedClockwise = ({ left, top, right, bottom }: Crop): Crop => ({
  left: 1 - bottom,
  top: left,
  right: 1 - top,
  bottom: right,
});

export const isWhole = (crop: Crop) =>
  crop.left === 0 && crop.top === 0 && crop.right === 1 && crop.bottom === 1;
