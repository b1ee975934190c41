/** Pixels of image files, as the browser decodes them: upright, in sRGB. */

import { within } from './brush';
import { turnedClockwise, WHOLE, type Crop } from './crop';

const QUALITY = 0.92;

/** Scales an image down to at most `side` pixels on its longest side; a JPEG stays a JPEG, others become PNG and stay transparent. */
export async function smaller(file: File, side: number): Promise<File> {
  const image = await createImageBitmap(file);
  const canvas = turned(image, 0, side);
  image.close();
  const type = file.type === 'image/jpeg' ? 'image/jpeg' : 'image/png';
  return new File([await encoded(canvas, type)], file.name, { type });
}

/** Maximum length of the longest side of a cropped photo, in pixels: larger canvases fail on phones. */
const MOST_PIXELS = 4096;

/**
 * Draws a part of an image, rotated by quarter turns clockwise and scaled down to at most `side` pixels on its longest
 * side. `part`: the part of the image before the rotation.
 */
export function turned(image: ImageBitmap, turns: number, side = MOST_PIXELS, part = WHOLE): HTMLCanvasElement {
  const [left, top] = [Math.round(part.left * image.width), Math.round(part.top * image.height)];
  const [partWidth, partHeight] = [Math.round(part.right * image.width) - left, Math.round(part.bottom * image.height) - top];
  const [width, height] = within(partWidth, partHeight, side);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = turns % 2 ? [height, width] : [width, height];
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((turns * Math.PI) / 2);
  context.drawImage(image, left, top, partWidth, partHeight, -width / 2, -height / 2, width, height);
  return canvas;
}

/** Rotates an image by quarter turns and crops it; returns a PNG if `isPng`, which keeps transparency, else a JPEG. */
export async function cut(image: ImageBitmap, turns: number, crop: Crop, name: string, isPng: boolean): Promise<File> {
  let part = crop;
  for (let n = turns; n % 4; n++) part = turnedClockwise(part);
  const [type, ending] = isPng ? ['image/png', 'png'] : ['image/jpeg', 'jpg'];
  const blob = await encoded(turned(image, turns, MOST_PIXELS, part), type);
  return new File([blob], `${name.replace(/\.[^.]*$/, '')}.${ending}`, { type });
}

function encoded(canvas: HTMLCanvasElement, type: string): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => {
        if (blob) resolve(blob);
        else reject(new Error(`the browser cannot write ${type}`));
      },
      type,
      QUALITY,
    );
  });
}
