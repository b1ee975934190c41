import { describe, expect, it } from 'vitest';
import { checkPicture, formatOf, mayCarryRecipe, namesOf, WrongFile } from './files';
import { DOCUMENT } from './fixtures';
import type { Size } from './types';

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const file = (text: string, name = 'picture.jpg') => new File([bytes(text)], name);

const JPEG = '\xff\xd8\xff\xe0....';
const PNG = '\x89PNG\r\n\x1a\n....';

describe('formatOf', () => {
  it.each([
    [JPEG, 'JPEG'],
    [PNG, 'PNG'],
    ['RIFF\x10\0\0\0WEBPVP8 ', 'WebP'],
    ['RIFF\x10\0\0\0AVI LIST', 'video'],
    ['II*\0....', 'TIFF'],
    ['MM\0*....', 'TIFF'],
    ['II+\0....', 'TIFF'],
    ['MM\0+....', 'TIFF'],
    ['\0\0\0\x20ftypavif', 'AVIF'],
    ['\0\0\0\x20ftypheic', 'HEIC'],
    ['\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf', 'AVIF'],
    ['\0\0\0\x18ftypmif1\0\0\0\0mif1heic', 'HEIC'],
    ['\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc', 'HEIC'],
    ['\0\0\0\x10ftypisom\0\0\0\0heic', 'video'],
    ['\0\0\0\x20ftypisom', 'video'],
    ['GIF89a', 'GIF'],
    ['BM......', 'BMP'],
    ['%PDF-1.7', 'PDF'],
    ['PK\x03\x04', 'ZIP'],
    ['<?xml version="1.0"?><svg xmlns', 'SVG'],
    ['<svg xmlns', 'SVG'],
    ['Dear diary', 'text'],
    ['\x00\x01\x02\xfe', 'unknown'],
    ['', 'unknown'],
  ])('%j is %s', (start, format) => {
    expect(formatOf(bytes(start), DOCUMENT.brands)).toBe(format);
  });
});

describe('checkPicture', () => {
  const measured = (size: Size | null) => () => Promise.resolve(size);
  const check = (picture: File, size: Size | null = [600, 400]) =>
    checkPicture(picture, DOCUMENT, measured(size));

  it('takes a picture by its content, whatever its name says', async () => {
    expect(await check(file(PNG, 'cat.txt'))).toEqual({ format: 'PNG', size: [600, 400] });
  });

  it('takes a TIFF that the browser cannot show', async () => {
    expect(await check(file('II*\0....'), null)).toEqual({ format: 'TIFF', size: null });
  });

  it.each([
    ['an empty file', file(''), null, 'picture.jpg is empty'],
    ['a text', file('Dear diary', 'cat.jpg'), null, 'cat.jpg is a text, not a picture'],
    ['a HEIC photo', file('\0\0\0\x20ftypheic', 'IMG_1.HEIC'), null, 'Most Compatible'],
    ['a format that the server does not take', file('GIF89a'), null, 'GIF picture'],
    ['a file that is too large', file(JPEG + '.'.repeat(1_000_000)), null, '1.0 MB are the most'],
    ['too many pixels', file(JPEG), [10_000, 6000] as Size, '50 megapixels are the most'],
    ['a damaged picture', file(JPEG), null, 'may be damaged'],
  ])('refuses %s with a sentence', async (_, picture, size, sentence) => {
    const refused = check(picture, size);
    await expect(refused).rejects.toThrow(WrongFile);
    await expect(refused).rejects.toThrow(sentence);
  });

  it('names what is taken', async () => {
    await expect(check(file('%PDF-1.7'))).rejects.toThrow('JPEG, PNG, WebP, TIFF, or AVIF');
    expect(namesOf(['image/png'])).toEqual(['PNG']);
  });
});

describe('mayCarryRecipe', () => {
  const filler = '\x01'.repeat(100_000);

  it.each([
    ['a PNG with its text chunk', `${PNG}tEXtnst-recipe\0{}${filler}`, true],
    ['a WebP with EXIF at its end', `RIFF....WEBP${filler}{"nst": "0.1.0", "options"`, true],
    ['a photo', `${JPEG}${filler}`, false],
  ])('%s', async (_, text, carries) => {
    expect(await mayCarryRecipe(file(text))).toBe(carries);
  });
});
