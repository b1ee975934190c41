import { expect, it } from 'vitest';
import { isWhole, shifted, turnedClockwise, WHOLE, withCorner } from './crop';

it('keeps every corner inside the photo and on its side', () => {
  expect(withCorner(WHOLE, ['left', 'top'], 0.25, 0.5)).toEqual({ left: 0.25, top: 0.5, right: 1, bottom: 1 });
  expect(withCorner(WHOLE, ['left', 'top'], -1, -1)).toEqual(WHOLE);
  expect(withCorner(WHOLE, ['left', 'bottom'], 2, -2)).toEqual({ left: 0.95, top: 0, right: 1, bottom: 0.05 });
});

it('moves as a whole as far as the photo goes', () => {
  const crop = { left: 0.25, top: 0.25, right: 0.5, bottom: 0.75 };
  expect(shifted(crop, 0.125, -1)).toEqual({ left: 0.375, top: 0, right: 0.625, bottom: 0.5 });
  expect(shifted(WHOLE, 0.5, 0.5)).toEqual(WHOLE);
});

it('shows the same part after four quarter turns', () => {
  const crop = { left: 0.25, top: 0.5, right: 0.75, bottom: 1 };
  expect(turnedClockwise(crop)).toEqual({ left: 0, top: 0.25, right: 0.5, bottom: 0.75 });
  expect([1, 2, 3, 4].reduce(turnedClockwise, crop)).toEqual(crop);
  expect(isWhole(turnedClockwise(WHOLE))).toBe(true);
});
