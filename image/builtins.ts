import { isBuiltin } from 'node:module'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'builtin'

/**
 * Keeps the built-in modules of Node out of the bundle, and loads each as a whole. An `import` of a built-in module
 * reads every name that the module exports, and so runs each getter. A getter of `node:http` loads all of Node's
 * undici, which took a tenth of the api's start.
 */
export const builtins: Plugin = {
  name: 'builtins',
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?[a-z_]/ }, ({ path, kind, namespace }) =>
      kind === 'import-statement' && namespace !== NAMESPACE && isBuiltin(path)
        ? { path, namespace: NAMESPACE, sideEffects: false }
        : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
      loader: 'js',
    }))
  },
}
