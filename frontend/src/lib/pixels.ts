/** Pixels of image files, as the browser decodes them: upright, in sRGB. */

import { within } from './brush';
import type { Crop } from './crop';

const QUALITY = 0.92;

/** Scales an image down to at most `side` pixels on its longest side; a JPEG stays a JPEG, others become PNG and stay transparent. */
export async function smaller(file: File, side: number): Promise<File> {
  const image = await createImageBitmap(file);
  const canvas = turned(image, 0, side);
  image.close();
  const type = file.type === 'image/jpeg' ? 'image/jpeg' : 'image/png';
  return new File([await encoded(canvas, type)], file.name, { type });
}

/** Maximum length of the longest side before cropping, in pixels: larger canvases fail on phones. */
const MOST_PIXELS = 4096;

/** Rotates an image by quarter turns clockwise and scales it down to at most `side` pixels on its longest side. */
export function turned(image: ImageBitmap, turns: number, side = MOST_PIXELS): HTMLCanvasElement {
  const [width, height] = within(image.width, image.height, side);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = turns % 2 ? [height, width] : [width, height];
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((turns * Math.PI) / 2);
  context.drawImage(image, -width / 2, -height / 2, width, height);
  return canvas;
}

/** Rotates an image by quarter turns and crops it; returns a PNG if `isPng`, which keeps transparency, else a JPEG. */
export async function cut(image: ImageBitmap, turns: number, crop: Crop, name: string, isPng: boolean): Promise<File> {
  const whole = turned(image, turns);
  const [left, top] = [Math.round(crop.left * whole.width), Math.round(crop.top * whole.height)];
  const [width, height] = [Math.round(crop.right * whole.width) - left, Math.round(crop.bottom * whole.height) - top];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  (canvas.getContext('2d') as CanvasRenderingContext2D).drawImage(whole, left, top, width, height, 0, 0, width, height);
  const [type, ending] = isPng ? ['image/png', 'png'] : ['image/jpeg', 'jpg'];
  return new File([await encoded(canvas, type)], `${name.replace(/\.[^.]*$/, '')}.${ending}`, { type });
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
