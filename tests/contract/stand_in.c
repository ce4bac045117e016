/* Libraries of no content under the names of libnvinfer, libnvinfer_plugin and libnvonnxparser.
 *
 * NVIDIA's Python bindings link these three. With this in their place the bindings import on a machine without
 * TensorRT, so that their names and signatures can be written down. Nothing can be built or run with them. */
#include <stddef.h>

#define GIVES_NOTHING(name) \
    void *name(void) { return NULL; }

GIVES_NOTHING(createInferBuilder_INTERNAL)
GIVES_NOTHING(createInferRefitter_INTERNAL)
GIVES_NOTHING(createInferRuntime_INTERNAL)
GIVES_NOTHING(createNvOnnxParserRefitter_INTERNAL)
GIVES_NOTHING(createNvOnnxParser_INTERNAL)
GIVES_NOTHING(getBuilderPluginRegistry)
GIVES_NOTHING(getPluginRegistry)

int initLibNvInferPlugins(void *logger, const char *lib_namespace) { return 0; }
int getNvOnnxParserVersion(void) { return 0; }
int getInferLibVersion(void) { return 0; }
