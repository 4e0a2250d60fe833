import path from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * What is imported rarely, and shares much with what imports it. Bundled together, the shared would be cut into files of its own,
 * which every start pays for; so it is bundled for itself, and imported from where it will lie.
 */
export const ON_ITS_OWN = 'platform/tracing/exporting'

export function onItsOwn(outdir: string): Plugin {
  return {
    name: 'on-its-own',
    setup(build) {
      const filter = new RegExp(`/${path.basename(ON_ITS_OWN)}\\.ts$`)
      build.onResolve({ filter }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: path.join(outdir, `${ON_ITS_OWN}.js`), external: true } : undefined,
      )
    },
  }
}
