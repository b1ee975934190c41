/** Pixels of picture files, as the browser decodes them: turned upright, in sRGB. */

import { within } from './brush';

const QUALITY = 0.92;

/** A picture with at most this many pixels on its longest side, as JPEG or, with transparency, as PNG. */
export async function smaller(file: File, side: number): Promise<File> {
  const image = await createImageBitmap(file);
  const [width, height] = within(image.width, image.height, side);
  const canvas = drawn(image, width, height);
  image.close();
  const type = file.type === 'image/png' ? 'image/png' : 'image/jpeg';
  return new File([await encoded(canvas, type)], file.name, { type });
}

function drawn(image: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, width, height);
  return canvas;
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
