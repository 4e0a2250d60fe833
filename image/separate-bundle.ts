import path from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * The module that exports traces, which has its own bundle. Few starts import it, and it shares much code with the
 * importing modules. In one bundle, esbuild would split the shared code into files of its own, which every start would
 * load.
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
