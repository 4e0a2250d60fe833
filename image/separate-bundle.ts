import path from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * What is imported rarely, and shares much with what imports it. Bundled together, the shared would be cut into files of its own,
 * which every start pays for; so it is bundled for itself, and imported from where it will lie.
 */
export const SEPARATE_BUNDLE = 'platform/tracing/exporter'

export function separateBundle(outdir: string): Plugin {
  return {
    name: 'separate-bundle',
    setup(build) {
      const filter = new RegExp(`/${path.basename(SEPARATE_BUNDLE)}\\.ts$`)
      build.onResolve({ filter }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: path.join(outdir, `${SEPARATE_BUNDLE}.js`), external: true } : undefined,
      )
    },
  }
}
