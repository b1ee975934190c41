import { expect, it } from 'vitest';
import { sizeStops } from './stops';

it('offers what the server paints, and what is in force', () => {
  expect(sizeStops(512, 1024).at(-1)).toBe(1024);
  expect(sizeStops(700, 1024)).toContain(700);
  expect(sizeStops(700, 1024)).toEqual([...sizeStops(700, 1024)].sort((one, other) => one - other));
  expect(sizeStops(64, 64)).toEqual([64]);
});
