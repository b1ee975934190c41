import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [tailwindcss(), svelte(), svelteTesting()],
  // Asset addresses are relative to <base> in index.html, so that the page works below any path.
  base: './',
  build: {
    outDir: '../src/nst/api/page',
    emptyOutDir: true,
    manifest: true,
    // Licences of everything that is bundled, as these licences require.
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
    // The timeouts, in milliseconds, are so long that no test depends on how busy the machine is.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
