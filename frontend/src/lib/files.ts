/** Checks of a chosen file before anything is uploaded. */

import { texts } from '../texts';
import type { OptionsDocument, Size } from './types';

export type Format =
  | 'JPEG' | 'PNG' | 'WebP' | 'TIFF' | 'AVIF' | 'GIF' | 'BMP'
  | 'HEIC' | 'SVG' | 'PDF' | 'ZIP' | 'video' | 'text' | 'unknown';

const TYPES: Partial<Record<Format, string>> = {
  JPEG: 'image/jpeg',
  PNG: 'image/png',
  WebP: 'image/webp',
  TIFF: 'image/tiff',
  AVIF: 'image/avif',
  GIF: 'image/gif',
  BMP: 'image/bmp',
  HEIC: 'image/heic',
};

const MAGIC: [start: string, format: Format][] = [
  ['\xff\xd8\xff', 'JPEG'],
  ['\x89PNG\r\n\x1a\n', 'PNG'],
  ['II*\0', 'TIFF'],
  ['MM\0*', 'TIFF'],
  ['II+\0', 'TIFF'],
  ['MM\0+', 'TIFF'],
  ['GIF8', 'GIF'],
  ['BM', 'BMP'],
  ['%PDF', 'PDF'],
  ['PK\x03\x04', 'ZIP'],
  ['\x1aE\xdf\xa3', 'video'],
];

const FIRST_BYTES = 1024;

/** Detects the format by the first bytes; a file name proves nothing. `brands`: the server's media types by brand. */
export function formatOf(bytes: Uint8Array, brands: Record<string, string> = {}): Format {
  const start = String.fromCharCode(...bytes.subarray(0, FIRST_BYTES));
  if (start.startsWith('ftyp', 4)) return formatOfBrands(start, brands);
  if (start.startsWith('RIFF')) return start.slice(8, 12) === 'WEBP' ? 'WebP' : 'video';
  const known = MAGIC.find(([magic]) => start.startsWith(magic));
  if (known) return known[1];
  if (/^\s*(<\?xml[^>]*>\s*)?<(!--|svg)/.test(start)) return 'SVG';
  return bytes.length > 0 && bytes.subarray(0, 64).every((byte) => byte >= 9 && byte < 127) ? 'text' : 'unknown';
}

/** Looks up the major brand, then the compatible ones: mif1 alone identifies no format. */
function formatOfBrands(start: string, brands: Record<string, string>): Format {
  const length = Array.from(start.slice(0, 4)).reduce((sum, byte) => sum * 256 + byte.charCodeAt(0), 0);
  const compatible = start.slice(16, length).match(/[^]{4}/g) ?? [];
  const type = [start.slice(8, 12), ...compatible].map((brand) => brands[brand]).find(Boolean);
  return (Object.keys(TYPES) as Format[]).find((format) => type && TYPES[format] === type) ?? 'video';
}

export interface PictureFile {
  format: Format;
  /** Width and height in pixels; null if the browser cannot show this format. */
  size: Size | null;
}

/** Error whose message is a sentence for the person who chose the file. */
export class WrongFile extends Error {}

/** Reads width and height, in pixels, without decoding the whole image; returns null if the browser cannot. */
export type Measure = (file: Blob) => Promise<Size | null>;

export const measure: Measure = async (file) => {
  const url = URL.createObjectURL(file);
  const image = new Image();
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
      image.src = url;
    });
    return [image.naturalWidth, image.naturalHeight];
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
};

/** Formats that every current browser shows; if it cannot show such a file, the file is damaged. */
const SHOWN: Format[] = ['JPEG', 'PNG', 'WebP', 'GIF', 'BMP'];

export async function checkPicture(
  file: File,
  { limits, formats, brands }: OptionsDocument,
  measureSize: Measure = measure,
): Promise<PictureFile> {
  const { wrongFile } = texts;
  if (file.size === 0) throw new WrongFile(wrongFile.empty(file.name));
  const format = formatOf(new Uint8Array(await file.slice(0, FIRST_BYTES).arrayBuffer()), brands);
  const type = TYPES[format];
  if (!type || !formats.includes(type)) throw new WrongFile(wrongFile.format(file.name, format, namesOf(formats)));
  if (file.size > limits.max_upload_bytes) {
    throw new WrongFile(wrongFile.bytes(file.name, file.size, limits.max_upload_bytes));
  }
  const size = await measureSize(file);
  if (!size && SHOWN.includes(format)) throw new WrongFile(wrongFile.damaged(file.name));
  if (size && size[0] * size[1] > limits.max_pixels) {
    throw new WrongFile(wrongFile.pixels(file.name, size, limits.max_pixels));
  }
  return { format, size };
}

/** Returns the format names of media types: JPEG, PNG, … */
export function namesOf(formats: string[]): string[] {
  return (Object.keys(TYPES) as Format[]).filter((format) => formats.includes(TYPES[format] ?? ''));
}

const RECIPE_MARKS = /nst-recipe|"nst": ?"/;
const LOOKED_AT_BYTES = 65_536;

/** Returns whether a file looks as if it contains a recipe of nst. The server reads the recipe itself. */
export async function mayCarryRecipe(file: Blob): Promise<boolean> {
  const parts = [file.slice(0, LOOKED_AT_BYTES), file.slice(-LOOKED_AT_BYTES)];
  const read = await Promise.all(parts.map((part) => part.arrayBuffer()));
  const latin1 = new TextDecoder('latin1');
  return read.some((bytes) => RECIPE_MARKS.test(latin1.decode(bytes).replaceAll('\0', '')));
}

export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}
