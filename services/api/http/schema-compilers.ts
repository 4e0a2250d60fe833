import type { BuildCompilerFromPool as BuildValidator } from '@fastify/ajv-compiler'
import type { SerializerFactory as BuildSerializer } from '@fastify/fast-json-stringify-compiler'
import { onFirstUse } from '../../platform/on-first-use.ts'

type Validate = ReturnType<ReturnType<BuildValidator>>

interface Compilers {
  buildValidator: BuildValidator
  buildSerializer: BuildSerializer
}

export interface SchemaCompilers {
  /** For Fastify, in the place of its own. */
  compilersFactory: Compilers
  /** Loads them. No schema can be used before. */
  load(): Promise<void>
}

/**
 * Fastify's own compilers, loaded when they are asked for, and each schema compiled for the first request that has it. Fastify compiles
 * all of them before it listens, which took a quarter of every start; most starts of a function see one route and no more.
 */
export function createSchemaCompilers(): SchemaCompilers {
  let loaded: Compilers | undefined
  const load = onFirstUse(async () => {
    const [{ default: AjvCompiler }, { default: SerializerSelector }] = await Promise.all([
      import('@fastify/ajv-compiler'),
      import('@fastify/fast-json-stringify-compiler'),
    ])
    loaded = { buildValidator: AjvCompiler(), buildSerializer: SerializerSelector() }
  })

  function compilers(): Compilers {
    if (loaded === undefined) throw new Error('A schema is used before its compiler is loaded.')
    return loaded
  }

  return {
    load,
    compilersFactory: {
      buildValidator(schemas, options) {
        const compile = once(() => compilers().buildValidator(schemas, options))
        return route => {
          const own = once(() => compile()(route))
          const validate = (data: unknown) => {
            const isRight = own()(data)
            // Where Fastify looks for what is wrong.
            validate.errors = own().errors
            return isRight
          }
          validate.errors = undefined as Validate['errors']
          // Without what only ajv itself asks its own functions for.
          return validate as Validate
        }
      },
      buildSerializer(schemas, options) {
        const compile = once(() => compilers().buildSerializer(schemas, options))
        return route => {
          const own = once(() => compile()(route))
          return data => own()(data)
        }
      },
    },
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
