import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [tailwindcss(), svelte(), svelteTesting()],
  // Relative to <base> in index.html, so that the page works below any path.
  base: './',
  build: {
    outDir: '../src/nst/api/page',
    emptyOutDir: true,
    manifest: true,
    // Of everything that is bundled, as its licences demand.
    license: { fileName: 'licences.md' },
    target: 'es2022',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8000' } },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/test-setup.ts'],
    restoreMocks: true,
    // No test may depend on how busy the machine is.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
