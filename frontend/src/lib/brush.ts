/**
 * Painting a mask. The canvas is a black cover over the photo, and painting makes holes into it: so what
 * takes the style is seen bright, and the cover on white is the mask.
 */

export interface Point {
  x: number;
  y: number;
}

const COVER = '#000000';

/** A round stroke that opens the cover, or closes it again. */
export function stroke(
  context: CanvasRenderingContext2D,
  from: Point,
  to: Point,
  { width, erase }: { width: number; erase: boolean },
): void {
  context.globalCompositeOperation = erase ? 'source-over' : 'destination-out';
  context.strokeStyle = COVER;
  context.lineWidth = width;
  context.lineCap = 'round';
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}

/** The style nowhere. */
export function coverAll(context: CanvasRenderingContext2D): void {
  context.globalCompositeOperation = 'source-over';
  fillRectangle(context);
}

/** The style everywhere. */
export function coverNothing(context: CanvasRenderingContext2D): void {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

export function invert(context: CanvasRenderingContext2D): void {
  context.globalCompositeOperation = 'xor';
  fillRectangle(context);
}

function fillRectangle(context: CanvasRenderingContext2D, colour = COVER): void {
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}

/** Whether the cover is open everywhere, or nowhere. */
export function isPlain(context: CanvasRenderingContext2D): boolean {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const first = data[3];
  for (let index = 3; index < data.length; index += 4) {
    if (data[index] !== first) return false;
  }
  return true;
}

/** White where the cover is open, black elsewhere, as PNG. */
export function maskFile(canvas: HTMLCanvasElement): Promise<Blob | null> {
  const flat = document.createElement('canvas');
  flat.width = canvas.width;
  flat.height = canvas.height;
  const context = flat.getContext('2d') as CanvasRenderingContext2D;
  fillRectangle(context, '#ffffff');
  context.drawImage(canvas, 0, 0);
  return new Promise((resolve) => {
    flat.toBlob(resolve, 'image/png');
  });
}

/** The cover that this mask came from. */
export async function coverFrom(context: CanvasRenderingContext2D, mask: string): Promise<void> {
  const image = new Image();
  image.src = mask;
  await image.decode();
  const { width, height } = context.canvas;
  context.globalCompositeOperation = 'copy';
  context.drawImage(image, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  for (let index = 0; index < pixels.data.length; index += 4) {
    const white = pixels.data[index] ?? 0;
    pixels.data.set([0, 0, 0, 255 - white], index);
  }
  context.putImageData(pixels, 0, 0);
}

/** Width and height with these proportions, and this longest side at most. */
export function within(width: number, height: number, longest: number): [number, number] {
  const factor = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
}
