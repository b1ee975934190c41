import { render, screen } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import About from './About.svelte';
import Home from './Home.svelte';

it.each([
  ['the first page', Home],
  ['the page that explains', About],
])('%s has all its pictures', (_, Page) => {
  render(Page);
  expect(screen.getByRole('heading', { level: 1 })).toBeInTheDocument();
  for (const image of document.querySelectorAll('img')) expect(image.src).toMatch(/\.webp$/);
});
