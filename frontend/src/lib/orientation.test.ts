import { expect, it } from 'vitest';
import { isTurnedUnseen } from './orientation';

/** Returns a file with EXIF whose only entry is the orientation. */
function exif(before: string, type: number, value: number, little = false): Blob {
  const tiff = new DataView(new ArrayBuffer(26));
  [little ? 0x4949 : 0x4d4d].forEach((order) => {
    tiff.setUint16(0, order);
  });
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 8, little);
  tiff.setUint16(8, 1, little);
  tiff.setUint16(10, 0x0112, little);
  tiff.setUint16(12, type, little);
  tiff.setUint32(14, 1, little);
  tiff.setUint16(18, value, little);
  return new Blob([before, tiff]);
}

it.each([
  ['JPEG', 'Exif\0\0', 3, 6, false],
  ['JPEG', 'Exif\0\0', 3, 1, false],
  ['JPEG', 'Exif\0\0', 2, 6, true],
  ['PNG', 'eXIf', 3, 6, true],
  ['PNG', 'eXIf', 3, 1, false],
  ['WebP', 'EXIF\x1a\0\0\0', 3, 8, true],
  ['WebP', 'EXIF\x1a\0\0\0Exif\0\0', 3, 8, true],
] as const)('a %s with %j, type %i and orientation %i: %s', async (format, before, type, value, expected) => {
  for (const little of [false, true]) {
    expect(await isTurnedUnseen(exif(before, type, value, little), format)).toBe(expected);
  }
});

it('is calm about files without EXIF, and with broken EXIF', async () => {
  expect(await isTurnedUnseen(new Blob(['no EXIF']), 'JPEG')).toBe(false);
  expect(await isTurnedUnseen(exif('eXIf', 3, 6).slice(0, 20), 'PNG')).toBe(false);
});
