/** EXIF orientation of an image file, as far as browsers do not read it. */

import type { Format } from './files';

const LOOKED_AT_BYTES = 131_072;

/** Marker that precedes EXIF in JPEG, PNG and WebP, and the first bytes of EXIF: little or big endian. */
const START = /(?:Exif\0\0|eXIf|EXIF[^]{4})(?:Exif\0\0)?(II\*\0|MM\0\*)/;
const ORIENTATION = 0x0112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * Returns whether a file has an orientation that not all browsers read: outside of JPEG, or not as a SHORT. The server
 * reads it in any case.
 */
export async function isTurnedUnseen(file: Blob, format: Format): Promise<boolean> {
  const parts = [file.slice(0, LOOKED_AT_BYTES), file.slice(-LOOKED_AT_BYTES)];
  const read = await Promise.all(parts.map((part) => part.arrayBuffer()));
  return read.some((bytes) => {
    const entry = orientationOf(bytes);
    return entry !== null && !(format === 'JPEG' && entry.type === SHORT) && !(entry.type === SHORT && entry.value === 1);
  });
}

/** Returns type and value of the orientation entry in the first directory; null if there is none. */
function orientationOf(bytes: ArrayBuffer): { type: number; value: number } | null {
  const found = START.exec(new TextDecoder('latin1').decode(bytes));
  if (!found?.[1]) return null;
  const exif = new DataView(bytes, found.index + found[0].length - found[1].length);
  const little = found[1].startsWith('II');
  try {
    const directory = exif.getUint32(4, little);
    for (let n = 0; n < exif.getUint16(directory, little); n++) {
      const entry = directory + 2 + ENTRY_BYTES * n;
      if (exif.getUint16(entry, little) !== ORIENTATION) continue;
      return { type: exif.getUint16(entry + 2, little), value: exif.getUint16(entry + 8, little) };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the file ends before the directory does
  }
  return null;
}
