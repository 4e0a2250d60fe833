import type { BuildCompilerFromPool as BuildValidator } from '@fastify/ajv-compiler'
import type { SerializerFactory as BuildSerializer } from '@fastify/fast-json-stringify-compiler'
import { onFirstUse } from '../../platform/on-first-use.ts'

type Validate = ReturnType<ReturnType<BuildValidator>>

interface Compilers {
  buildValidator: BuildValidator
  buildSerializer: BuildSerializer
}

export interface SchemaCompilers {
  /** Replaces Fastify's own compilers. */
  compilersFactory: Compilers
  /** Loads the compilers. No schema can be used before. */
  load(): Promise<void>
}

/**
 * Loads Fastify's compilers in the warm-up, and compiles each schema for the first request that needs it. Fastify would compile all schemas
 * before it listens, which took a quarter of every start. Most instances of a Lambda function serve only one route.
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
            const isValid = own()(data)
            // Fastify reads the errors from here.
            validate.errors = own().errors
            return isValid
          }
          validate.errors = undefined as Validate['errors']
          // The type has properties that only ajv itself reads.
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
