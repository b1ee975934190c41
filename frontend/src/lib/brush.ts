/**
 * Mask painting. The canvas over the photo is transparent, and strokes are coloured. The more a stroke covers a pixel,
 * the whiter that pixel is in the mask.
 */

export interface Point {
  x: number;
  y: number;
}

export interface Brush {
  /** Diameter of the brush, in pixels of the canvas; a soft brush covers half at its rim. */
  width: number;
  /** Softness of the edge: 0 is hard, 1 fades from the middle outwards. */
  softness: number;
  erase: boolean;
}

/** Colour of the strokes, which photos seldom contain. */
const COLOUR = '#d6007a';

/** Blur of the softest brush, as a share of its diameter; its middle still covers completely. */
const MOST_BLUR = 1 / 3;

/** Length of the stroke of a single point, in pixels of the canvas: browsers draw nothing for a stroke without length. */
const DOT = 0.01;

/** Draws a round stroke along the whole path at once: the soft edges of single pieces would add up where they meet. */
export function stroke(context: CanvasRenderingContext2D, path: Point[], { width, softness, erase }: Brush): void {
  // The stroke lies outside the canvas; only its shadow is visible, which has a soft edge in every browser.
  const aside = 2 * context.canvas.width;
  context.save();
  context.globalCompositeOperation = erase ? 'destination-out' : 'source-over';
  context.strokeStyle = context.shadowColor = COLOUR;
  context.lineCap = context.lineJoin = 'round';
  context.lineWidth = width;
  context.shadowBlur = MOST_BLUR * width * softness;
  context.shadowOffsetX = aside;
  context.translate(-aside, 0);
  context.beginPath();
  for (const { x, y } of path) context.lineTo(x, y);
  context.lineTo((path.at(-1)?.x ?? 0) + DOT, path.at(-1)?.y ?? 0);
  context.stroke();
  context.restore();
}

export function paintNothing(context: CanvasRenderingContext2D): void {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

export function paintAll(context: CanvasRenderingContext2D): void {
  fill(context, 'source-over');
}

export function invert(context: CanvasRenderingContext2D): void {
  fill(context, 'xor');
}

function fill(context: CanvasRenderingContext2D, operation: GlobalCompositeOperation, colour = COLOUR): void {
  context.globalCompositeOperation = operation;
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}

/** Returns whether the whole canvas has the same opacity: everything is painted, or nothing. */
export function isPlain(context: CanvasRenderingContext2D): boolean {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const first = data[3];
  for (let index = 3; index < data.length; index += 4) {
    if (data[index] !== first) return false;
  }
  return true;
}

/** Returns the mask as a PNG, white where it is painted and black elsewhere; null if the browser cannot encode it. */
export function maskFile(canvas: HTMLCanvasElement): Promise<Blob | null> {
  const flat = document.createElement('canvas');
  flat.width = canvas.width;
  flat.height = canvas.height;
  const context = flat.getContext('2d') as CanvasRenderingContext2D;
  context.drawImage(canvas, 0, 0);
  fill(context, 'source-in', '#ffffff');
  fill(context, 'destination-over', '#000000');
  return new Promise((resolve) => {
    flat.toBlob(resolve, 'image/png');
  });
}

/** Replaces the painting on the canvas by the mask at this URL. */
export async function paintMask(context: CanvasRenderingContext2D, mask: string): Promise<void> {
  const image = new Image();
  image.src = mask;
  await image.decode();
  const { width, height } = context.canvas;
  context.globalCompositeOperation = 'copy';
  context.drawImage(image, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  for (let index = 0; index < pixels.data.length; index += 4) pixels.data[index + 3] = pixels.data[index] ?? 0;
  context.putImageData(pixels, 0, 0);
  fill(context, 'source-in');
}

/** Scales width and height down, with their proportions, so that the longest side has at most `longest` pixels. */
export function within(width: number, height: number, longest: number): [number, number] {
  const factor = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
}
