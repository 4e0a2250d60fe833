import { isBuiltin } from 'node:module'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'builtin'

/**
 * Has the modules that are part of Node taken as they are. An `import` of one asks it for every name that it exports, and so runs
 * each getter among them: that of `node:http` loads the whole of the undici inside of Node, which took a tenth of the api's start.
 */
export const builtins: Plugin = {
  name: 'builtins',
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?[a-z_]/ }, ({ path, kind, namespace }) =>
      kind === 'import-statement' && namespace !== NAMESPACE && isBuiltin(path)
        ? { path: path.replace(/^node:/, ''), namespace: NAMESPACE, sideEffects: false }
        : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
      loader: 'js',
    }))
  },
}
