# NVIDIA cuda-bindings 13.4.4, see README.md and LICENSE beside this folder.
import enum
from typing import Any

class cudaAccessProperty(enum.IntEnum):
    cudaAccessPropertyNormal = 0
    cudaAccessPropertyStreaming = 1
    cudaAccessPropertyPersisting = 2
class cudaAsyncNotificationType(enum.IntEnum):
    cudaAsyncNotificationTypeOverBudget = 1
class cudaAtomicOperation(enum.IntEnum):
    cudaAtomicOperationIntegerAdd = 0
    cudaAtomicOperationIntegerMin = 1
    cudaAtomicOperationIntegerMax = 2
    cudaAtomicOperationIntegerIncrement = 3
    cudaAtomicOperationIntegerDecrement = 4
    cudaAtomicOperationAnd = 5
    cudaAtomicOperationOr = 6
    cudaAtomicOperationXOR = 7
    cudaAtomicOperationExchange = 8
    cudaAtomicOperationCAS = 9
    cudaAtomicOperationFloatAdd = 10
    cudaAtomicOperationFloatMin = 11
    cudaAtomicOperationFloatMax = 12
class cudaAtomicOperationCapability(enum.IntEnum):
    cudaAtomicCapabilitySigned = 1
    cudaAtomicCapabilityUnsigned = 2
    cudaAtomicCapabilityReduction = 4
    cudaAtomicCapabilityScalar32 = 8
    cudaAtomicCapabilityScalar64 = 16
    cudaAtomicCapabilityScalar128 = 32
    cudaAtomicCapabilityVector32x4 = 64
class cudaCGScope(enum.IntEnum):
    cudaCGScopeInvalid = 0
    cudaCGScopeGrid = 1
    cudaCGScopeReserved = 2
class cudaChannelFormatKind(enum.IntEnum):
    cudaChannelFormatKindSigned = 0
    cudaChannelFormatKindUnsigned = 1
    cudaChannelFormatKindFloat = 2
    cudaChannelFormatKindNone = 3
    cudaChannelFormatKindNV12 = 4
    cudaChannelFormatKindUnsignedNormalized8X1 = 5
    cudaChannelFormatKindUnsignedNormalized8X2 = 6
    cudaChannelFormatKindUnsignedNormalized8X4 = 7
    cudaChannelFormatKindUnsignedNormalized16X1 = 8
    cudaChannelFormatKindUnsignedNormalized16X2 = 9
    cudaChannelFormatKindUnsignedNormalized16X4 = 10
    cudaChannelFormatKindSignedNormalized8X1 = 11
    cudaChannelFormatKindSignedNormalized8X2 = 12
    cudaChannelFormatKindSignedNormalized8X4 = 13
    cudaChannelFormatKindSignedNormalized16X1 = 14
    cudaChannelFormatKindSignedNormalized16X2 = 15
    cudaChannelFormatKindSignedNormalized16X4 = 16
    cudaChannelFormatKindUnsignedBlockCompressed1 = 17
    cudaChannelFormatKindUnsignedBlockCompressed1SRGB = 18
    cudaChannelFormatKindUnsignedBlockCompressed2 = 19
    cudaChannelFormatKindUnsignedBlockCompressed2SRGB = 20
    cudaChannelFormatKindUnsignedBlockCompressed3 = 21
    cudaChannelFormatKindUnsignedBlockCompressed3SRGB = 22
    cudaChannelFormatKindUnsignedBlockCompressed4 = 23
    cudaChannelFormatKindSignedBlockCompressed4 = 24
    cudaChannelFormatKindUnsignedBlockCompressed5 = 25
    cudaChannelFormatKindSignedBlockCompressed5 = 26
    cudaChannelFormatKindUnsignedBlockCompressed6H = 27
    cudaChannelFormatKindSignedBlockCompressed6H = 28
    cudaChannelFormatKindUnsignedBlockCompressed7 = 29
    cudaChannelFormatKindUnsignedBlockCompressed7SRGB = 30
    cudaChannelFormatKindUnsignedNormalized1010102 = 31
    cudaChannelFormatKindUnsigned8Packed422 = 32
    cudaChannelFormatKindUnsigned8Packed444 = 33
    cudaChannelFormatKindUnsigned8SemiPlanar420 = 34
    cudaChannelFormatKindUnsigned16SemiPlanar420 = 35
    cudaChannelFormatKindUnsigned8SemiPlanar422 = 36
    cudaChannelFormatKindUnsigned16SemiPlanar422 = 37
    cudaChannelFormatKindUnsigned8SemiPlanar444 = 38
    cudaChannelFormatKindUnsigned16SemiPlanar444 = 39
    cudaChannelFormatKindUnsigned8Planar420 = 40
    cudaChannelFormatKindUnsigned16Planar420 = 41
    cudaChannelFormatKindUnsigned8Planar422 = 42
    cudaChannelFormatKindUnsigned16Planar422 = 43
    cudaChannelFormatKindUnsigned8Planar444 = 44
    cudaChannelFormatKindUnsigned16Planar444 = 45
class cudaClusterSchedulingPolicy(enum.IntEnum):
    cudaClusterSchedulingPolicyDefault = 0
    cudaClusterSchedulingPolicySpread = 1
    cudaClusterSchedulingPolicyLoadBalancing = 2
    cudaClusterSchedulingPolicyRubinDsmemLocality = 3
class cudaComputeMode(enum.IntEnum):
    cudaComputeModeDefault = 0
    cudaComputeModeExclusive = 1
    cudaComputeModeProhibited = 2
    cudaComputeModeExclusiveProcess = 3
class cudaDataType(enum.IntEnum):
    CUDA_R_32F = 0
    CUDA_R_64F = 1
    CUDA_R_16F = 2
    CUDA_R_8I = 3
    CUDA_C_32F = 4
    CUDA_C_64F = 5
    CUDA_C_16F = 6
    CUDA_C_8I = 7
    CUDA_R_8U = 8
    CUDA_C_8U = 9
    CUDA_R_32I = 10
    CUDA_C_32I = 11
    CUDA_R_32U = 12
    CUDA_C_32U = 13
    CUDA_R_16BF = 14
    CUDA_C_16BF = 15
    CUDA_R_4I = 16
    CUDA_C_4I = 17
    CUDA_R_4U = 18
    CUDA_C_4U = 19
    CUDA_R_16I = 20
    CUDA_C_16I = 21
    CUDA_R_16U = 22
    CUDA_C_16U = 23
    CUDA_R_64I = 24
    CUDA_C_64I = 25
    CUDA_R_64U = 26
    CUDA_C_64U = 27
    CUDA_R_8F_E4M3 = 28
    CUDA_R_8F_UE4M3 = 28
    CUDA_R_8F_E5M2 = 29
    CUDA_R_8F_UE8M0 = 30
    CUDA_R_6F_E2M3 = 31
    CUDA_R_6F_E3M2 = 32
    CUDA_R_4F_E2M1 = 33
    CUDA_R_8F_UE5M3 = 34
class cudaDevResourceType(enum.IntEnum):
    cudaDevResourceTypeInvalid = 0
    cudaDevResourceTypeSm = 1
    cudaDevResourceTypeWorkqueueConfig = 1000
    cudaDevResourceTypeWorkqueue = 10000
class cudaDevSmResourceGroup_flags(enum.IntEnum):
    cudaDevSmResourceGroupDefault = 0
    cudaDevSmResourceGroupBackfill = 1
    cudaDevSmResourceGroupLocalityDomainId = 2
class cudaDevSmResourceSplitByCount_flags(enum.IntEnum):
    cudaDevSmResourceSplitIgnoreSmCoscheduling = 1
    cudaDevSmResourceSplitMaxPotentialClusterSize = 2
class cudaDevWorkqueueConfigScope(enum.IntEnum):
    cudaDevWorkqueueConfigScopeDeviceCtx = 0
    cudaDevWorkqueueConfigScopeGreenCtxBalanced = 1
class cudaDeviceAttr(enum.IntEnum):
    cudaDevAttrMaxThreadsPerBlock = 1
    cudaDevAttrMaxBlockDimX = 2
    cudaDevAttrMaxBlockDimY = 3
    cudaDevAttrMaxBlockDimZ = 4
    cudaDevAttrMaxGridDimX = 5
    cudaDevAttrMaxGridDimY = 6
    cudaDevAttrMaxGridDimZ = 7
    cudaDevAttrMaxSharedMemoryPerBlock = 8
    cudaDevAttrTotalConstantMemory = 9
    cudaDevAttrWarpSize = 10
    cudaDevAttrMaxPitch = 11
    cudaDevAttrMaxRegistersPerBlock = 12
    cudaDevAttrClockRate = 13
    cudaDevAttrTextureAlignment = 14
    cudaDevAttrGpuOverlap = 15
    cudaDevAttrMultiProcessorCount = 16
    cudaDevAttrKernelExecTimeout = 17
    cudaDevAttrIntegrated = 18
    cudaDevAttrCanMapHostMemory = 19
    cudaDevAttrComputeMode = 20
    cudaDevAttrMaxTexture1DWidth = 21
    cudaDevAttrMaxTexture2DWidth = 22
    cudaDevAttrMaxTexture2DHeight = 23
    cudaDevAttrMaxTexture3DWidth = 24
    cudaDevAttrMaxTexture3DHeight = 25
    cudaDevAttrMaxTexture3DDepth = 26
    cudaDevAttrMaxTexture2DLayeredWidth = 27
    cudaDevAttrMaxTexture2DLayeredHeight = 28
    cudaDevAttrMaxTexture2DLayeredLayers = 29
    cudaDevAttrSurfaceAlignment = 30
    cudaDevAttrConcurrentKernels = 31
    cudaDevAttrEccEnabled = 32
    cudaDevAttrPciBusId = 33
    cudaDevAttrPciDeviceId = 34
    cudaDevAttrTccDriver = 35
    cudaDevAttrMemoryClockRate = 36
    cudaDevAttrGlobalMemoryBusWidth = 37
    cudaDevAttrL2CacheSize = 38
    cudaDevAttrMaxThreadsPerMultiProcessor = 39
    cudaDevAttrAsyncEngineCount = 40
    cudaDevAttrUnifiedAddressing = 41
    cudaDevAttrMaxTexture1DLayeredWidth = 42
    cudaDevAttrMaxTexture1DLayeredLayers = 43
    cudaDevAttrMaxTexture2DGatherWidth = 45
    cudaDevAttrMaxTexture2DGatherHeight = 46
    cudaDevAttrMaxTexture3DWidthAlt = 47
    cudaDevAttrMaxTexture3DHeightAlt = 48
    cudaDevAttrMaxTexture3DDepthAlt = 49
    cudaDevAttrPciDomainId = 50
    cudaDevAttrTexturePitchAlignment = 51
    cudaDevAttrMaxTextureCubemapWidth = 52
    cudaDevAttrMaxTextureCubemapLayeredWidth = 53
    cudaDevAttrMaxTextureCubemapLayeredLayers = 54
    cudaDevAttrMaxSurface1DWidth = 55
    cudaDevAttrMaxSurface2DWidth = 56
    cudaDevAttrMaxSurface2DHeight = 57
    cudaDevAttrMaxSurface3DWidth = 58
    cudaDevAttrMaxSurface3DHeight = 59
    cudaDevAttrMaxSurface3DDepth = 60
    cudaDevAttrMaxSurface1DLayeredWidth = 61
    cudaDevAttrMaxSurface1DLayeredLayers = 62
    cudaDevAttrMaxSurface2DLayeredWidth = 63
    cudaDevAttrMaxSurface2DLayeredHeight = 64
    cudaDevAttrMaxSurface2DLayeredLayers = 65
    cudaDevAttrMaxSurfaceCubemapWidth = 66
    cudaDevAttrMaxSurfaceCubemapLayeredWidth = 67
    cudaDevAttrMaxSurfaceCubemapLayeredLayers = 68
    cudaDevAttrMaxTexture1DLinearWidth = 69
    cudaDevAttrMaxTexture2DLinearWidth = 70
    cudaDevAttrMaxTexture2DLinearHeight = 71
    cudaDevAttrMaxTexture2DLinearPitch = 72
    cudaDevAttrMaxTexture2DMipmappedWidth = 73
    cudaDevAttrMaxTexture2DMipmappedHeight = 74
    cudaDevAttrComputeCapabilityMajor = 75
    cudaDevAttrComputeCapabilityMinor = 76
    cudaDevAttrMaxTexture1DMipmappedWidth = 77
    cudaDevAttrStreamPrioritiesSupported = 78
    cudaDevAttrGlobalL1CacheSupported = 79
    cudaDevAttrLocalL1CacheSupported = 80
    cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81
    cudaDevAttrMaxRegistersPerMultiprocessor = 82
    cudaDevAttrManagedMemory = 83
    cudaDevAttrIsMultiGpuBoard = 84
    cudaDevAttrMultiGpuBoardGroupID = 85
    cudaDevAttrHostNativeAtomicSupported = 86
    cudaDevAttrSingleToDoublePrecisionPerfRatio = 87
    cudaDevAttrPageableMemoryAccess = 88
    cudaDevAttrConcurrentManagedAccess = 89
    cudaDevAttrComputePreemptionSupported = 90
    cudaDevAttrCanUseHostPointerForRegisteredMem = 91
    cudaDevAttrReserved92 = 92
    cudaDevAttrReserved93 = 93
    cudaDevAttrReserved94 = 94
    cudaDevAttrCooperativeLaunch = 95
    cudaDevAttrReserved96 = 96
    cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
    cudaDevAttrCanFlushRemoteWrites = 98
    cudaDevAttrHostRegisterSupported = 99
    cudaDevAttrPageableMemoryAccessUsesHostPageTables = 100
    cudaDevAttrDirectManagedMemAccessFromHost = 101
    cudaDevAttrMaxBlocksPerMultiprocessor = 106
    cudaDevAttrMaxPersistingL2CacheSize = 108
    cudaDevAttrMaxAccessPolicyWindowSize = 109
    cudaDevAttrReservedSharedMemoryPerBlock = 111
    cudaDevAttrSparseCudaArraySupported = 112
    cudaDevAttrHostRegisterReadOnlySupported = 113
    cudaDevAttrTimelineSemaphoreInteropSupported = 114
    cudaDevAttrMemoryPoolsSupported = 115
    cudaDevAttrGPUDirectRDMASupported = 116
    cudaDevAttrGPUDirectRDMAFlushWritesOptions = 117
    cudaDevAttrGPUDirectRDMAWritesOrdering = 118
    cudaDevAttrMemoryPoolSupportedHandleTypes = 119
    cudaDevAttrClusterLaunch = 120
    cudaDevAttrDeferredMappingCudaArraySupported = 121
    cudaDevAttrReserved122 = 122
    cudaDevAttrReserved123 = 123
    cudaDevAttrReserved124 = 124
    cudaDevAttrIpcEventSupport = 125
    cudaDevAttrMemSyncDomainCount = 126
    cudaDevAttrReserved127 = 127
    cudaDevAttrReserved128 = 128
    cudaDevAttrReserved129 = 129
    cudaDevAttrNumaConfig = 130
    cudaDevAttrNumaId = 131
    cudaDevAttrReserved132 = 132
    cudaDevAttrMpsEnabled = 133
    cudaDevAttrHostNumaId = 134
    cudaDevAttrD3D12CigSupported = 135
    cudaDevAttrVulkanCigSupported = 138
    cudaDevAttrGpuPciDeviceId = 139
    cudaDevAttrGpuPciSubsystemId = 140
    cudaDevAttrReserved141 = 141
    cudaDevAttrHostNumaMemoryPoolsSupported = 142
    cudaDevAttrHostNumaMultinodeIpcSupported = 143
    cudaDevAttrHostMemoryPoolsSupported = 144
    cudaDevAttrReserved145 = 145
    cudaDevAttrOnlyPartialHostNativeAtomicSupported = 147
    cudaDevAttrAtomicReductionSupported = 148
    cudaDevAttrLocalityDomainCount = 149
    cudaDevAttrOversizedSharedMemoryPerBlock = 150
    cudaDevAttrCigStreamsSupported = 151
    cudaDevAttrLocalityDomainMultiprocessorCount = 157
    cudaDevAttrMax = 158
class cudaDeviceNumaConfig(enum.IntEnum):
    cudaDeviceNumaConfigNone = 0
    cudaDeviceNumaConfigNumaNode = 1
class cudaDeviceP2PAttr(enum.IntEnum):
    cudaDevP2PAttrPerformanceRank = 1
    cudaDevP2PAttrAccessSupported = 2
    cudaDevP2PAttrNativeAtomicSupported = 3
    cudaDevP2PAttrCudaArrayAccessSupported = 4
    cudaDevP2PAttrOnlyPartialNativeAtomicSupported = 5
class cudaDriverEntryPointQueryResult(enum.IntEnum):
    cudaDriverEntryPointSuccess = 0
    cudaDriverEntryPointSymbolNotFound = 1
    cudaDriverEntryPointVersionNotSufficent = 2
class cudaEglColorFormat(enum.IntEnum):
    cudaEglColorFormatYUV420Planar = 0
    cudaEglColorFormatYUV420SemiPlanar = 1
    cudaEglColorFormatYUV422Planar = 2
    cudaEglColorFormatYUV422SemiPlanar = 3
    cudaEglColorFormatARGB = 6
    cudaEglColorFormatRGBA = 7
    cudaEglColorFormatL = 8
    cudaEglColorFormatR = 9
    cudaEglColorFormatYUV444Planar = 10
    cudaEglColorFormatYUV444SemiPlanar = 11
    cudaEglColorFormatYUYV422 = 12
    cudaEglColorFormatUYVY422 = 13
    cudaEglColorFormatABGR = 14
    cudaEglColorFormatBGRA = 15
    cudaEglColorFormatA = 16
    cudaEglColorFormatRG = 17
    cudaEglColorFormatAYUV = 18
    cudaEglColorFormatYVU444SemiPlanar = 19
    cudaEglColorFormatYVU422SemiPlanar = 20
    cudaEglColorFormatYVU420SemiPlanar = 21
    cudaEglColorFormatY10V10U10_444SemiPlanar = 22
    cudaEglColorFormatY10V10U10_420SemiPlanar = 23
    cudaEglColorFormatY12V12U12_444SemiPlanar = 24
    cudaEglColorFormatY12V12U12_420SemiPlanar = 25
    cudaEglColorFormatVYUY_ER = 26
    cudaEglColorFormatUYVY_ER = 27
    cudaEglColorFormatYUYV_ER = 28
    cudaEglColorFormatYVYU_ER = 29
    cudaEglColorFormatYUVA_ER = 31
    cudaEglColorFormatAYUV_ER = 32
    cudaEglColorFormatYUV444Planar_ER = 33
    cudaEglColorFormatYUV422Planar_ER = 34
    cudaEglColorFormatYUV420Planar_ER = 35
    cudaEglColorFormatYUV444SemiPlanar_ER = 36
    cudaEglColorFormatYUV422SemiPlanar_ER = 37
    cudaEglColorFormatYUV420SemiPlanar_ER = 38
    cudaEglColorFormatYVU444Planar_ER = 39
    cudaEglColorFormatYVU422Planar_ER = 40
    cudaEglColorFormatYVU420Planar_ER = 41
    cudaEglColorFormatYVU444SemiPlanar_ER = 42
    cudaEglColorFormatYVU422SemiPlanar_ER = 43
    cudaEglColorFormatYVU420SemiPlanar_ER = 44
    cudaEglColorFormatBayerRGGB = 45
    cudaEglColorFormatBayerBGGR = 46
    cudaEglColorFormatBayerGRBG = 47
    cudaEglColorFormatBayerGBRG = 48
    cudaEglColorFormatBayer10RGGB = 49
    cudaEglColorFormatBayer10BGGR = 50
    cudaEglColorFormatBayer10GRBG = 51
    cudaEglColorFormatBayer10GBRG = 52
    cudaEglColorFormatBayer12RGGB = 53
    cudaEglColorFormatBayer12BGGR = 54
    cudaEglColorFormatBayer12GRBG = 55
    cudaEglColorFormatBayer12GBRG = 56
    cudaEglColorFormatBayer14RGGB = 57
    cudaEglColorFormatBayer14BGGR = 58
    cudaEglColorFormatBayer14GRBG = 59
    cudaEglColorFormatBayer14GBRG = 60
    cudaEglColorFormatBayer20RGGB = 61
    cudaEglColorFormatBayer20BGGR = 62
    cudaEglColorFormatBayer20GRBG = 63
    cudaEglColorFormatBayer20GBRG = 64
    cudaEglColorFormatYVU444Planar = 65
    cudaEglColorFormatYVU422Planar = 66
    cudaEglColorFormatYVU420Planar = 67
    cudaEglColorFormatBayerIspRGGB = 68
    cudaEglColorFormatBayerIspBGGR = 69
    cudaEglColorFormatBayerIspGRBG = 70
    cudaEglColorFormatBayerIspGBRG = 71
    cudaEglColorFormatBayerBCCR = 72
    cudaEglColorFormatBayerRCCB = 73
    cudaEglColorFormatBayerCRBC = 74
    cudaEglColorFormatBayerCBRC = 75
    cudaEglColorFormatBayer10CCCC = 76
    cudaEglColorFormatBayer12BCCR = 77
    cudaEglColorFormatBayer12RCCB = 78
    cudaEglColorFormatBayer12CRBC = 79
    cudaEglColorFormatBayer12CBRC = 80
    cudaEglColorFormatBayer12CCCC = 81
    cudaEglColorFormatY = 82
    cudaEglColorFormatYUV420SemiPlanar_2020 = 83
    cudaEglColorFormatYVU420SemiPlanar_2020 = 84
    cudaEglColorFormatYUV420Planar_2020 = 85
    cudaEglColorFormatYVU420Planar_2020 = 86
    cudaEglColorFormatYUV420SemiPlanar_709 = 87
    cudaEglColorFormatYVU420SemiPlanar_709 = 88
    cudaEglColorFormatYUV420Planar_709 = 89
    cudaEglColorFormatYVU420Planar_709 = 90
    cudaEglColorFormatY10V10U10_420SemiPlanar_709 = 91
    cudaEglColorFormatY10V10U10_420SemiPlanar_2020 = 92
    cudaEglColorFormatY10V10U10_422SemiPlanar_2020 = 93
    cudaEglColorFormatY10V10U10_422SemiPlanar = 94
    cudaEglColorFormatY10V10U10_422SemiPlanar_709 = 95
    cudaEglColorFormatY_ER = 96
    cudaEglColorFormatY_709_ER = 97
    cudaEglColorFormatY10_ER = 98
    cudaEglColorFormatY10_709_ER = 99
    cudaEglColorFormatY12_ER = 100
    cudaEglColorFormatY12_709_ER = 101
    cudaEglColorFormatYUVA = 102
    cudaEglColorFormatYVYU = 104
    cudaEglColorFormatVYUY = 105
    cudaEglColorFormatY10V10U10_420SemiPlanar_ER = 106
    cudaEglColorFormatY10V10U10_420SemiPlanar_709_ER = 107
    cudaEglColorFormatY10V10U10_444SemiPlanar_ER = 108
    cudaEglColorFormatY10V10U10_444SemiPlanar_709_ER = 109
    cudaEglColorFormatY12V12U12_420SemiPlanar_ER = 110
    cudaEglColorFormatY12V12U12_420SemiPlanar_709_ER = 111
    cudaEglColorFormatY12V12U12_444SemiPlanar_ER = 112
    cudaEglColorFormatY12V12U12_444SemiPlanar_709_ER = 113
    cudaEglColorFormatUYVY709 = 114
    cudaEglColorFormatUYVY709_ER = 115
    cudaEglColorFormatUYVY2020 = 116
class cudaEglFrameType(enum.IntEnum):
    cudaEglFrameTypeArray = 0
    cudaEglFrameTypePitch = 1
class cudaEglResourceLocationFlags(enum.IntEnum):
    cudaEglResourceLocationSysmem = 0
    cudaEglResourceLocationVidmem = 1
class cudaEmulationMantissaControl(enum.IntEnum):
    CUDA_EMULATION_MANTISSA_CONTROL_DYNAMIC = 0
    CUDA_EMULATION_MANTISSA_CONTROL_FIXED = 1
class cudaEmulationSpecialValuesSupport(enum.IntEnum):
    CUDA_EMULATION_SPECIAL_VALUES_SUPPORT_NONE = 0
    CUDA_EMULATION_SPECIAL_VALUES_SUPPORT_INFINITY = 1
    CUDA_EMULATION_SPECIAL_VALUES_SUPPORT_NAN = 2
    CUDA_EMULATION_SPECIAL_VALUES_SUPPORT_DEFAULT = 65535
class cudaEmulationStrategy(enum.IntEnum):
    CUDA_EMULATION_STRATEGY_DEFAULT = 0
    CUDA_EMULATION_STRATEGY_PERFORMANT = 1
    CUDA_EMULATION_STRATEGY_EAGER = 2
class cudaError_t(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorInitializationError = 3
    cudaErrorCudartUnloading = 4
    cudaErrorProfilerDisabled = 5
    cudaErrorProfilerNotInitialized = 6
    cudaErrorProfilerAlreadyStarted = 7
    cudaErrorProfilerAlreadyStopped = 8
    cudaErrorInvalidConfiguration = 9
    cudaErrorVersionTranslation = 10
    cudaErrorInvalidPitchValue = 12
    cudaErrorInvalidSymbol = 13
    cudaErrorInvalidHostPointer = 16
    cudaErrorInvalidDevicePointer = 17
    cudaErrorInvalidTexture = 18
    cudaErrorInvalidTextureBinding = 19
    cudaErrorInvalidChannelDescriptor = 20
    cudaErrorInvalidMemcpyDirection = 21
    cudaErrorAddressOfConstant = 22
    cudaErrorTextureFetchFailed = 23
    cudaErrorTextureNotBound = 24
    cudaErrorSynchronizationError = 25
    cudaErrorInvalidFilterSetting = 26
    cudaErrorInvalidNormSetting = 27
    cudaErrorMixedDeviceExecution = 28
    cudaErrorNotYetImplemented = 31
    cudaErrorMemoryValueTooLarge = 32
    cudaErrorStubLibrary = 34
    cudaErrorInsufficientDriver = 35
    cudaErrorCallRequiresNewerDriver = 36
    cudaErrorInvalidSurface = 37
    cudaErrorDuplicateVariableName = 43
    cudaErrorDuplicateTextureName = 44
    cudaErrorDuplicateSurfaceName = 45
    cudaErrorDevicesUnavailable = 46
    cudaErrorIncompatibleDriverContext = 49
    cudaErrorMissingConfiguration = 52
    cudaErrorPriorLaunchFailure = 53
    cudaErrorLaunchMaxDepthExceeded = 65
    cudaErrorLaunchFileScopedTex = 66
    cudaErrorLaunchFileScopedSurf = 67
    cudaErrorSyncDepthExceeded = 68
    cudaErrorLaunchPendingCountExceeded = 69
    cudaErrorInvalidDeviceFunction = 98
    cudaErrorNoDevice = 100
    cudaErrorInvalidDevice = 101
    cudaErrorDeviceNotLicensed = 102
    cudaErrorSoftwareValidityNotEstablished = 103
    cudaErrorStartupFailure = 127
    cudaErrorInvalidKernelImage = 200
    cudaErrorDeviceUninitialized = 201
    cudaErrorMapBufferObjectFailed = 205
    cudaErrorUnmapBufferObjectFailed = 206
    cudaErrorArrayIsMapped = 207
    cudaErrorAlreadyMapped = 208
    cudaErrorNoKernelImageForDevice = 209
    cudaErrorAlreadyAcquired = 210
    cudaErrorNotMapped = 211
    cudaErrorNotMappedAsArray = 212
    cudaErrorNotMappedAsPointer = 213
    cudaErrorECCUncorrectable = 214
    cudaErrorUnsupportedLimit = 215
    cudaErrorDeviceAlreadyInUse = 216
    cudaErrorPeerAccessUnsupported = 217
    cudaErrorInvalidPtx = 218
    cudaErrorInvalidGraphicsContext = 219
    cudaErrorNvlinkUncorrectable = 220
    cudaErrorJitCompilerNotFound = 221
    cudaErrorUnsupportedPtxVersion = 222
    cudaErrorJitCompilationDisabled = 223
    cudaErrorUnsupportedExecAffinity = 224
    cudaErrorUnsupportedDevSideSync = 225
    cudaErrorContained = 226
    cudaErrorInsufficientLoaderVersion = 227
    cudaErrorInvalidSource = 300
    cudaErrorFileNotFound = 301
    cudaErrorSharedObjectSymbolNotFound = 302
    cudaErrorSharedObjectInitFailed = 303
    cudaErrorOperatingSystem = 304
    cudaErrorInvalidResourceHandle = 400
    cudaErrorIllegalState = 401
    cudaErrorLossyQuery = 402
    cudaErrorSymbolNotFound = 500
    cudaErrorNotReady = 600
    cudaErrorIllegalAddress = 700
    cudaErrorLaunchOutOfResources = 701
    cudaErrorLaunchTimeout = 702
    cudaErrorLaunchIncompatibleTexturing = 703
    cudaErrorPeerAccessAlreadyEnabled = 704
    cudaErrorPeerAccessNotEnabled = 705
    cudaErrorSetOnActiveProcess = 708
    cudaErrorContextIsDestroyed = 709
    cudaErrorAssert = 710
    cudaErrorTooManyPeers = 711
    cudaErrorHostMemoryAlreadyRegistered = 712
    cudaErrorHostMemoryNotRegistered = 713
    cudaErrorHardwareStackError = 714
    cudaErrorIllegalInstruction = 715
    cudaErrorMisalignedAddress = 716
    cudaErrorInvalidAddressSpace = 717
    cudaErrorInvalidPc = 718
    cudaErrorLaunchFailure = 719
    cudaErrorCooperativeLaunchTooLarge = 720
    cudaErrorTensorMemoryLeak = 721
    cudaErrorNotPermitted = 800
    cudaErrorNotSupported = 801
    cudaErrorSystemNotReady = 802
    cudaErrorSystemDriverMismatch = 803
    cudaErrorCompatNotSupportedOnDevice = 804
    cudaErrorMpsConnectionFailed = 805
    cudaErrorMpsRpcFailure = 806
    cudaErrorMpsServerNotReady = 807
    cudaErrorMpsMaxClientsReached = 808
    cudaErrorMpsMaxConnectionsReached = 809
    cudaErrorMpsClientTerminated = 810
    cudaErrorCdpNotSupported = 811
    cudaErrorCdpVersionMismatch = 812
    cudaErrorStreamCaptureUnsupported = 900
    cudaErrorStreamCaptureInvalidated = 901
    cudaErrorStreamCaptureMerge = 902
    cudaErrorStreamCaptureUnmatched = 903
    cudaErrorStreamCaptureUnjoined = 904
    cudaErrorStreamCaptureIsolation = 905
    cudaErrorStreamCaptureImplicit = 906
    cudaErrorCapturedEvent = 907
    cudaErrorStreamCaptureWrongThread = 908
    cudaErrorTimeout = 909
    cudaErrorGraphExecUpdateFailure = 910
    cudaErrorExternalDevice = 911
    cudaErrorInvalidClusterSize = 912
    cudaErrorFunctionNotLoaded = 913
    cudaErrorInvalidResourceType = 914
    cudaErrorInvalidResourceConfiguration = 915
    cudaErrorStreamDetached = 917
    cudaErrorGraphRecaptureFailure = 918
    cudaErrorFabricNotReady = 919
    cudaErrorUnknown = 999
    cudaErrorApiFailureBase = 10000
class cudaExternalMemoryHandleType(enum.IntEnum):
    cudaExternalMemoryHandleTypeOpaqueFd = 1
    cudaExternalMemoryHandleTypeOpaqueWin32 = 2
    cudaExternalMemoryHandleTypeOpaqueWin32Kmt = 3
    cudaExternalMemoryHandleTypeD3D12Heap = 4
    cudaExternalMemoryHandleTypeD3D12Resource = 5
    cudaExternalMemoryHandleTypeD3D11Resource = 6
    cudaExternalMemoryHandleTypeD3D11ResourceKmt = 7
    cudaExternalMemoryHandleTypeNvSciBuf = 8
class cudaExternalSemaphoreHandleType(enum.IntEnum):
    cudaExternalSemaphoreHandleTypeOpaqueFd = 1
    cudaExternalSemaphoreHandleTypeOpaqueWin32 = 2
    cudaExternalSemaphoreHandleTypeOpaqueWin32Kmt = 3
    cudaExternalSemaphoreHandleTypeD3D12Fence = 4
    cudaExternalSemaphoreHandleTypeD3D11Fence = 5
    cudaExternalSemaphoreHandleTypeNvSciSync = 6
    cudaExternalSemaphoreHandleTypeKeyedMutex = 7
    cudaExternalSemaphoreHandleTypeKeyedMutexKmt = 8
    cudaExternalSemaphoreHandleTypeTimelineSemaphoreFd = 9
    cudaExternalSemaphoreHandleTypeTimelineSemaphoreWin32 = 10
class cudaFabricOpStatusInfo(enum.IntEnum):
    cudaFabricOpStatusInfoSuccess = 0
    cudaFabricOpStatusInfoLast = 0
    cudaFabricOpStatusInfoMax = 2147483647
class cudaFabricOpStatusSource(enum.IntEnum):
    cudaFabricOpStatusSourceMbarrierV1 = 0
    cudaFabricOpStatusSourceMax = 2147483647
class cudaFlushGPUDirectRDMAWritesOptions(enum.IntEnum):
    cudaFlushGPUDirectRDMAWritesOptionHost = 1
    cudaFlushGPUDirectRDMAWritesOptionMemOps = 2
class cudaFlushGPUDirectRDMAWritesScope(enum.IntEnum):
    cudaFlushGPUDirectRDMAWritesToOwner = 100
    cudaFlushGPUDirectRDMAWritesToAllDevices = 200
class cudaFlushGPUDirectRDMAWritesTarget(enum.IntEnum):
    cudaFlushGPUDirectRDMAWritesTargetCurrentDevice = 0
class cudaFuncAttribute(enum.IntEnum):
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8
    cudaFuncAttributePreferredSharedMemoryCarveout = 9
    cudaFuncAttributeClusterDimMustBeSet = 10
    cudaFuncAttributeRequiredClusterWidth = 11
    cudaFuncAttributeRequiredClusterHeight = 12
    cudaFuncAttributeRequiredClusterDepth = 13
    cudaFuncAttributeNonPortableClusterSizeAllowed = 14
    cudaFuncAttributeClusterSchedulingPolicyPreference = 15
    cudaFuncAttributeSharedMemoryMode = 16
    cudaFuncAttributeMax = 17
class cudaFuncCache(enum.IntEnum):
    cudaFuncCachePreferNone = 0
    cudaFuncCachePreferShared = 1
    cudaFuncCachePreferL1 = 2
    cudaFuncCachePreferEqual = 3
class cudaGLDeviceList(enum.IntEnum):
    cudaGLDeviceListAll = 1
    cudaGLDeviceListCurrentFrame = 2
    cudaGLDeviceListNextFrame = 3
class cudaGLMapFlags(enum.IntEnum):
    cudaGLMapFlagsNone = 0
    cudaGLMapFlagsReadOnly = 1
    cudaGLMapFlagsWriteDiscard = 2
class cudaGPUDirectRDMAWritesOrdering(enum.IntEnum):
    cudaGPUDirectRDMAWritesOrderingNone = 0
    cudaGPUDirectRDMAWritesOrderingOwner = 100
    cudaGPUDirectRDMAWritesOrderingAllDevices = 200
class cudaGetDriverEntryPointFlags(enum.IntEnum):
    cudaEnableDefault = 0
    cudaEnableLegacyStream = 1
    cudaEnablePerThreadDefaultStream = 2
class cudaGraphChildGraphNodeOwnership(enum.IntEnum):
    cudaGraphChildGraphOwnershipInvalid = -1
    cudaGraphChildGraphOwnershipClone = 0
    cudaGraphChildGraphOwnershipMove = 1
class cudaGraphConditionalHandleFlags(enum.IntEnum):
    cudaGraphCondAssignDefault = 1
class cudaGraphConditionalNodeType(enum.IntEnum):
    cudaGraphCondTypeIf = 0
    cudaGraphCondTypeWhile = 1
    cudaGraphCondTypeSwitch = 2
class cudaGraphDebugDotFlags(enum.IntEnum):
    cudaGraphDebugDotFlagsVerbose = 1
    cudaGraphDebugDotFlagsKernelNodeParams = 4
    cudaGraphDebugDotFlagsMemcpyNodeParams = 8
    cudaGraphDebugDotFlagsMemsetNodeParams = 16
    cudaGraphDebugDotFlagsHostNodeParams = 32
    cudaGraphDebugDotFlagsEventNodeParams = 64
    cudaGraphDebugDotFlagsExtSemasSignalNodeParams = 128
    cudaGraphDebugDotFlagsExtSemasWaitNodeParams = 256
    cudaGraphDebugDotFlagsKernelNodeAttributes = 512
    cudaGraphDebugDotFlagsHandles = 1024
    cudaGraphDebugDotFlagsConditionalNodeParams = 32768
class cudaGraphDependencyType(enum.IntEnum):
    cudaGraphDependencyTypeDefault = 0
    cudaGraphDependencyTypeProgrammatic = 1
class cudaGraphExecUpdateResult(enum.IntEnum):
    cudaGraphExecUpdateSuccess = 0
    cudaGraphExecUpdateError = 1
    cudaGraphExecUpdateErrorTopologyChanged = 2
    cudaGraphExecUpdateErrorNodeTypeChanged = 3
    cudaGraphExecUpdateErrorFunctionChanged = 4
    cudaGraphExecUpdateErrorParametersChanged = 5
    cudaGraphExecUpdateErrorNotSupported = 6
    cudaGraphExecUpdateErrorUnsupportedFunctionChange = 7
    cudaGraphExecUpdateErrorAttributesChanged = 8
class cudaGraphInstantiateFlags(enum.IntEnum):
    cudaGraphInstantiateFlagAutoFreeOnLaunch = 1
    cudaGraphInstantiateFlagUpload = 2
    cudaGraphInstantiateFlagDeviceLaunch = 4
    cudaGraphInstantiateFlagUseNodePriority = 8
class cudaGraphInstantiateResult(enum.IntEnum):
    cudaGraphInstantiateSuccess = 0
    cudaGraphInstantiateError = 1
    cudaGraphInstantiateInvalidStructure = 2
    cudaGraphInstantiateNodeOperationNotSupported = 3
    cudaGraphInstantiateMultipleDevicesNotSupported = 4
    cudaGraphInstantiateConditionalHandleUnused = 5
class cudaGraphKernelNodeField(enum.IntEnum):
    cudaGraphKernelNodeFieldInvalid = 0
    cudaGraphKernelNodeFieldGridDim = 1
    cudaGraphKernelNodeFieldParam = 2
    cudaGraphKernelNodeFieldEnabled = 3
class cudaGraphMemAttributeType(enum.IntEnum):
    cudaGraphMemAttrUsedMemCurrent = 0
    cudaGraphMemAttrUsedMemHigh = 1
    cudaGraphMemAttrReservedMemCurrent = 2
    cudaGraphMemAttrReservedMemHigh = 3
class cudaGraphNodeType(enum.IntEnum):
    cudaGraphNodeTypeKernel = 0
    cudaGraphNodeTypeMemcpy = 1
    cudaGraphNodeTypeMemset = 2
    cudaGraphNodeTypeHost = 3
    cudaGraphNodeTypeGraph = 4
    cudaGraphNodeTypeEmpty = 5
    cudaGraphNodeTypeWaitEvent = 6
    cudaGraphNodeTypeEventRecord = 7
    cudaGraphNodeTypeExtSemaphoreSignal = 8
    cudaGraphNodeTypeExtSemaphoreWait = 9
    cudaGraphNodeTypeMemAlloc = 10
    cudaGraphNodeTypeMemFree = 11
    cudaGraphNodeTypeConditional = 13
    cudaGraphNodeTypeReserved16 = 16
    cudaGraphNodeTypeCount = 17
class cudaGraphRecaptureStatus(enum.IntEnum):
    cudaGraphRecaptureEligibleForUpdate = 0
    cudaGraphRecaptureIneligibleForUpdate = 1
    cudaGraphRecaptureError = 2
class cudaGraphicsCubeFace(enum.IntEnum):
    cudaGraphicsCubeFacePositiveX = 0
    cudaGraphicsCubeFaceNegativeX = 1
    cudaGraphicsCubeFacePositiveY = 2
    cudaGraphicsCubeFaceNegativeY = 3
    cudaGraphicsCubeFacePositiveZ = 4
    cudaGraphicsCubeFaceNegativeZ = 5
class cudaGraphicsMapFlags(enum.IntEnum):
    cudaGraphicsMapFlagsNone = 0
    cudaGraphicsMapFlagsReadOnly = 1
    cudaGraphicsMapFlagsWriteDiscard = 2
class cudaGraphicsRegisterFlags(enum.IntEnum):
    cudaGraphicsRegisterFlagsNone = 0
    cudaGraphicsRegisterFlagsReadOnly = 1
    cudaGraphicsRegisterFlagsWriteDiscard = 2
    cudaGraphicsRegisterFlagsSurfaceLoadStore = 4
    cudaGraphicsRegisterFlagsTextureGather = 8
class cudaHostTaskSyncMode(enum.IntEnum):
    cudaHostTaskBlocking = 0
    cudaHostTaskSpinWait = 1
class cudaJitOption(enum.IntEnum):
    cudaJitMaxRegisters = 0
    cudaJitThreadsPerBlock = 1
    cudaJitWallTime = 2
    cudaJitInfoLogBuffer = 3
    cudaJitInfoLogBufferSizeBytes = 4
    cudaJitErrorLogBuffer = 5
    cudaJitErrorLogBufferSizeBytes = 6
    cudaJitOptimizationLevel = 7
    cudaJitFallbackStrategy = 10
    cudaJitGenerateDebugInfo = 11
    cudaJitLogVerbose = 12
    cudaJitGenerateLineInfo = 13
    cudaJitCacheMode = 14
    cudaJitPositionIndependentCode = 30
    cudaJitMinCtaPerSm = 31
    cudaJitMaxThreadsPerBlock = 32
    cudaJitOverrideDirectiveValues = 33
class cudaJit_CacheMode(enum.IntEnum):
    cudaJitCacheOptionNone = 0
    cudaJitCacheOptionCG = 1
    cudaJitCacheOptionCA = 2
class cudaJit_Fallback(enum.IntEnum):
    cudaPreferPtx = 0
    cudaPreferBinary = 1
class cudaKernelFunctionType(enum.IntEnum):
    cudaKernelFunctionTypeUnspecified = 0
    cudaKernelFunctionTypeDeviceEntry = 1
    cudaKernelFunctionTypeKernel = 2
    cudaKernelFunctionTypeFunction = 3
class cudaKernelNodeAttrID(enum.IntEnum):
    cudaLaunchAttributeIgnore = 0
    cudaLaunchAttributeAccessPolicyWindow = 1
    cudaLaunchAttributeCooperative = 2
    cudaLaunchAttributeSynchronizationPolicy = 3
    cudaLaunchAttributeClusterDimension = 4
    cudaLaunchAttributeClusterSchedulingPolicyPreference = 5
    cudaLaunchAttributeProgrammaticStreamSerialization = 6
    cudaLaunchAttributeProgrammaticEvent = 7
    cudaLaunchAttributePriority = 8
    cudaLaunchAttributeMemSyncDomainMap = 9
    cudaLaunchAttributeMemSyncDomain = 10
    cudaLaunchAttributePreferredClusterDimension = 11
    cudaLaunchAttributeLaunchCompletionEvent = 12
    cudaLaunchAttributeDeviceUpdatableKernelNode = 13
    cudaLaunchAttributePreferredSharedMemoryCarveout = 14
    cudaLaunchAttributeNvlinkUtilCentricScheduling = 16
    cudaLaunchAttributePortableClusterSizeMode = 17
    cudaLaunchAttributeSharedMemoryMode = 18
class cudaLaunchAttributeID(enum.IntEnum):
    cudaLaunchAttributeIgnore = 0
    cudaLaunchAttributeAccessPolicyWindow = 1
    cudaLaunchAttributeCooperative = 2
    cudaLaunchAttributeSynchronizationPolicy = 3
    cudaLaunchAttributeClusterDimension = 4
    cudaLaunchAttributeClusterSchedulingPolicyPreference = 5
    cudaLaunchAttributeProgrammaticStreamSerialization = 6
    cudaLaunchAttributeProgrammaticEvent = 7
    cudaLaunchAttributePriority = 8
    cudaLaunchAttributeMemSyncDomainMap = 9
    cudaLaunchAttributeMemSyncDomain = 10
    cudaLaunchAttributePreferredClusterDimension = 11
    cudaLaunchAttributeLaunchCompletionEvent = 12
    cudaLaunchAttributeDeviceUpdatableKernelNode = 13
    cudaLaunchAttributePreferredSharedMemoryCarveout = 14
    cudaLaunchAttributeNvlinkUtilCentricScheduling = 16
    cudaLaunchAttributePortableClusterSizeMode = 17
    cudaLaunchAttributeSharedMemoryMode = 18
class cudaLaunchAttributePortableClusterMode(enum.IntEnum):
    cudaLaunchPortableClusterModeDefault = 0
    cudaLaunchPortableClusterModeRequirePortable = 1
    cudaLaunchPortableClusterModeAllowNonPortable = 2
class cudaLaunchMemSyncDomain(enum.IntEnum):
    cudaLaunchMemSyncDomainDefault = 0
    cudaLaunchMemSyncDomainRemote = 1
class cudaLibraryOption(enum.IntEnum):
    cudaLibraryHostUniversalFunctionAndDataTable = 0
    cudaLibraryBinaryIsPreserved = 1
class cudaLimit(enum.IntEnum):
    cudaLimitStackSize = 0
    cudaLimitPrintfFifoSize = 1
    cudaLimitMallocHeapSize = 2
    cudaLimitDevRuntimeSyncDepth = 3
    cudaLimitDevRuntimePendingLaunchCount = 4
    cudaLimitMaxL2FetchGranularity = 5
    cudaLimitPersistingL2CacheSize = 6
    cudaLimitPerBlockMemorySize = 10
class cudaLogLevel(enum.IntEnum):
    cudaLogLevelError = 0
    cudaLogLevelWarning = 1
class cudaMemAccessFlags(enum.IntEnum):
    cudaMemAccessFlagsProtNone = 0
    cudaMemAccessFlagsProtRead = 1
    cudaMemAccessFlagsProtReadWrite = 3
class cudaMemAllocationHandleType(enum.IntEnum):
    cudaMemHandleTypeNone = 0
    cudaMemHandleTypePosixFileDescriptor = 1
    cudaMemHandleTypeWin32 = 2
    cudaMemHandleTypeWin32Kmt = 4
    cudaMemHandleTypeFabric = 8
class cudaMemAllocationType(enum.IntEnum):
    cudaMemAllocationTypeInvalid = 0
    cudaMemAllocationTypePinned = 1
    cudaMemAllocationTypeManaged = 2
    cudaMemAllocationTypeMax = 2147483647
class cudaMemLocationType(enum.IntEnum):
    cudaMemLocationTypeInvalid = 0
    cudaMemLocationTypeNone = 0
    cudaMemLocationTypeDevice = 1
    cudaMemLocationTypeHost = 2
    cudaMemLocationTypeHostNuma = 3
    cudaMemLocationTypeHostNumaCurrent = 4
    cudaMemLocationTypeInvisible = 5
    cudaMemLocationTypeDeviceLocalityDomain = 6
class cudaMemPoolAttr(enum.IntEnum):
    cudaMemPoolReuseFollowEventDependencies = 1
    cudaMemPoolReuseAllowOpportunistic = 2
    cudaMemPoolReuseAllowInternalDependencies = 3
    cudaMemPoolAttrReleaseThreshold = 4
    cudaMemPoolAttrReservedMemCurrent = 5
    cudaMemPoolAttrReservedMemHigh = 6
    cudaMemPoolAttrUsedMemCurrent = 7
    cudaMemPoolAttrUsedMemHigh = 8
    cudaMemPoolAttrAllocationType = 9
    cudaMemPoolAttrExportHandleTypes = 10
    cudaMemPoolAttrLocationId = 11
    cudaMemPoolAttrLocationType = 12
    cudaMemPoolAttrMaxPoolSize = 13
    cudaMemPoolAttrHwDecompressEnabled = 14
    cudaMemPoolAttrLocalityDomainId = 15
class cudaMemRangeAttribute(enum.IntEnum):
    cudaMemRangeAttributeReadMostly = 1
    cudaMemRangeAttributePreferredLocation = 2
    cudaMemRangeAttributeAccessedBy = 3
    cudaMemRangeAttributeLastPrefetchLocation = 4
    cudaMemRangeAttributePreferredLocationType = 5
    cudaMemRangeAttributePreferredLocationId = 6
    cudaMemRangeAttributeLastPrefetchLocationType = 7
    cudaMemRangeAttributeLastPrefetchLocationId = 8
class cudaMemcpy3DOperandType(enum.IntEnum):
    cudaMemcpyOperandTypePointer = 1
    cudaMemcpyOperandTypeArray = 2
    cudaMemcpyOperandTypeMax = 2147483647
class cudaMemcpyFlags(enum.IntEnum):
    cudaMemcpyFlagDefault = 0
    cudaMemcpyFlagPreferOverlapWithCompute = 1
class cudaMemcpyKind(enum.IntEnum):
    cudaMemcpyHostToHost = 0
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2
    cudaMemcpyDeviceToDevice = 3
    cudaMemcpyDefault = 4
class cudaMemcpySrcAccessOrder(enum.IntEnum):
    cudaMemcpySrcAccessOrderInvalid = 0
    cudaMemcpySrcAccessOrderStream = 1
    cudaMemcpySrcAccessOrderDuringApiCall = 2
    cudaMemcpySrcAccessOrderAny = 3
    cudaMemcpySrcAccessOrderMax = 2147483647
class cudaMemoryAdvise(enum.IntEnum):
    cudaMemAdviseSetReadMostly = 1
    cudaMemAdviseUnsetReadMostly = 2
    cudaMemAdviseSetPreferredLocation = 3
    cudaMemAdviseUnsetPreferredLocation = 4
    cudaMemAdviseSetAccessedBy = 5
    cudaMemAdviseUnsetAccessedBy = 6
class cudaMemoryType(enum.IntEnum):
    cudaMemoryTypeUnregistered = 0
    cudaMemoryTypeHost = 1
    cudaMemoryTypeDevice = 2
    cudaMemoryTypeManaged = 3
class cudaResourceType(enum.IntEnum):
    cudaResourceTypeArray = 0
    cudaResourceTypeMipmappedArray = 1
    cudaResourceTypeLinear = 2
    cudaResourceTypePitch2D = 3
class cudaResourceViewFormat(enum.IntEnum):
    cudaResViewFormatNone = 0
    cudaResViewFormatUnsignedChar1 = 1
    cudaResViewFormatUnsignedChar2 = 2
    cudaResViewFormatUnsignedChar4 = 3
    cudaResViewFormatSignedChar1 = 4
    cudaResViewFormatSignedChar2 = 5
    cudaResViewFormatSignedChar4 = 6
    cudaResViewFormatUnsignedShort1 = 7
    cudaResViewFormatUnsignedShort2 = 8
    cudaResViewFormatUnsignedShort4 = 9
    cudaResViewFormatSignedShort1 = 10
    cudaResViewFormatSignedShort2 = 11
    cudaResViewFormatSignedShort4 = 12
    cudaResViewFormatUnsignedInt1 = 13
    cudaResViewFormatUnsignedInt2 = 14
    cudaResViewFormatUnsignedInt4 = 15
    cudaResViewFormatSignedInt1 = 16
    cudaResViewFormatSignedInt2 = 17
    cudaResViewFormatSignedInt4 = 18
    cudaResViewFormatHalf1 = 19
    cudaResViewFormatHalf2 = 20
    cudaResViewFormatHalf4 = 21
    cudaResViewFormatFloat1 = 22
    cudaResViewFormatFloat2 = 23
    cudaResViewFormatFloat4 = 24
    cudaResViewFormatUnsignedBlockCompressed1 = 25
    cudaResViewFormatUnsignedBlockCompressed2 = 26
    cudaResViewFormatUnsignedBlockCompressed3 = 27
    cudaResViewFormatUnsignedBlockCompressed4 = 28
    cudaResViewFormatSignedBlockCompressed4 = 29
    cudaResViewFormatUnsignedBlockCompressed5 = 30
    cudaResViewFormatSignedBlockCompressed5 = 31
    cudaResViewFormatUnsignedBlockCompressed6H = 32
    cudaResViewFormatSignedBlockCompressed6H = 33
    cudaResViewFormatUnsignedBlockCompressed7 = 34
class cudaRoundMode(enum.IntEnum):
    cudaRoundNearest = 0
    cudaRoundZero = 1
    cudaRoundPosInf = 2
    cudaRoundMinInf = 3
class cudaSharedCarveout(enum.IntEnum):
    cudaSharedmemCarveoutDefault = -1
    cudaSharedmemCarveoutMaxL1 = 0
    cudaSharedmemCarveoutMaxShared = 100
class cudaSharedMemConfig(enum.IntEnum):
    cudaSharedMemBankSizeDefault = 0
    cudaSharedMemBankSizeFourByte = 1
    cudaSharedMemBankSizeEightByte = 2
class cudaSharedMemoryMode(enum.IntEnum):
    cudaSharedMemoryModeDefault = 0
    cudaSharedMemoryModeRequirePortable = 1
    cudaSharedMemoryModeAllowNonPortable = 2
    cudaSharedMemoryModeAllowOversizedSharedMemory = 3
    cudaSharedMemoryModePreferOversizedSharedMemory = 4
class cudaStreamAttrID(enum.IntEnum):
    cudaLaunchAttributeIgnore = 0
    cudaLaunchAttributeAccessPolicyWindow = 1
    cudaLaunchAttributeCooperative = 2
    cudaLaunchAttributeSynchronizationPolicy = 3
    cudaLaunchAttributeClusterDimension = 4
    cudaLaunchAttributeClusterSchedulingPolicyPreference = 5
    cudaLaunchAttributeProgrammaticStreamSerialization = 6
    cudaLaunchAttributeProgrammaticEvent = 7
    cudaLaunchAttributePriority = 8
    cudaLaunchAttributeMemSyncDomainMap = 9
    cudaLaunchAttributeMemSyncDomain = 10
    cudaLaunchAttributePreferredClusterDimension = 11
    cudaLaunchAttributeLaunchCompletionEvent = 12
    cudaLaunchAttributeDeviceUpdatableKernelNode = 13
    cudaLaunchAttributePreferredSharedMemoryCarveout = 14
    cudaLaunchAttributeNvlinkUtilCentricScheduling = 16
    cudaLaunchAttributePortableClusterSizeMode = 17
    cudaLaunchAttributeSharedMemoryMode = 18
class cudaStreamCaptureMode(enum.IntEnum):
    cudaStreamCaptureModeGlobal = 0
    cudaStreamCaptureModeThreadLocal = 1
    cudaStreamCaptureModeRelaxed = 2
class cudaStreamCaptureStatus(enum.IntEnum):
    cudaStreamCaptureStatusNone = 0
    cudaStreamCaptureStatusActive = 1
    cudaStreamCaptureStatusInvalidated = 2
class cudaStreamUpdateCaptureDependenciesFlags(enum.IntEnum):
    cudaStreamAddCaptureDependencies = 0
    cudaStreamSetCaptureDependencies = 1
class cudaSurfaceBoundaryMode(enum.IntEnum):
    cudaBoundaryModeZero = 0
    cudaBoundaryModeClamp = 1
    cudaBoundaryModeTrap = 2
class cudaSurfaceFormatMode(enum.IntEnum):
    cudaFormatModeForced = 0
    cudaFormatModeAuto = 1
class cudaSynchronizationPolicy(enum.IntEnum):
    cudaSyncPolicyAuto = 1
    cudaSyncPolicySpin = 2
    cudaSyncPolicyYield = 3
    cudaSyncPolicyBlockingSync = 4
class cudaTextureAddressMode(enum.IntEnum):
    cudaAddressModeWrap = 0
    cudaAddressModeClamp = 1
    cudaAddressModeMirror = 2
    cudaAddressModeBorder = 3
class cudaTextureFilterMode(enum.IntEnum):
    cudaFilterModePoint = 0
    cudaFilterModeLinear = 1
class cudaTextureReadMode(enum.IntEnum):
    cudaReadModeElementType = 0
    cudaReadModeNormalizedFloat = 1
class cudaUserObjectFlags(enum.IntEnum):
    cudaUserObjectNoDestructorSync = 1
class cudaUserObjectRetainFlags(enum.IntEnum):
    cudaGraphUserObjectMove = 1
class libraryPropertyType(enum.IntEnum):
    MAJOR_VERSION = 0
    MINOR_VERSION = 1
    PATCH_LEVEL = 2
class cudaAccessPolicyWindow:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    base_ptr: Any
    getPtr: Any
    hitProp: Any
    hitRatio: Any
    missProp: Any
    num_bytes: Any
class cudaArrayMemoryRequirements:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    alignment: Any
    getPtr: Any
    size: Any
class cudaArraySparseProperties:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    miptailFirstLevel: Any
    miptailSize: Any
    tileExtent: Any
class cudaArray_const_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaArray_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaAsyncCallback:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaAsyncCallbackHandle_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaAsyncNotificationInfo:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    info: Any
    type: Any
class cudaAsyncNotificationInfo_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    info: Any
    type: Any
class cudaBindingsRuntimeGlobal:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
class cudaChannelFormatDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    f: Any
    getPtr: Any
    w: Any
    x: Any
    y: Any
    z: Any
class cudaChildGraphNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    graph: Any
    ownership: Any
class cudaConditionalNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    ctx: Any
    getPtr: Any
    handle: Any
    phGraph_out: Any
    size: Any
    type: Any
class cudaDevResource:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    nextResource: Any
    sm: Any
    type: Any
    wq: Any
    wqConfig: Any
class cudaDevResourceDesc_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaDevResource_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    nextResource: Any
    sm: Any
    type: Any
    wq: Any
    wqConfig: Any
class cudaDevSmResource:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    localityDomainId: Any
    minSmPartitionSize: Any
    smCoscheduledAlignment: Any
    smCount: Any
class cudaDevSmResourceGroupParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    coscheduledSmCount: Any
    flags: Any
    getPtr: Any
    localityDomainId: Any
    preferredCoscheduledSmCount: Any
    smCount: Any
class cudaDevSmResourceGroupParams_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    coscheduledSmCount: Any
    flags: Any
    getPtr: Any
    localityDomainId: Any
    preferredCoscheduledSmCount: Any
    smCount: Any
class cudaDevWorkqueueConfigResource:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    device: Any
    getPtr: Any
    sharingScope: Any
    wqConcurrencyLimit: Any
class cudaDevWorkqueueResource:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaDeviceProp:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    ECCEnabled: Any
    accessPolicyMaxWindowSize: Any
    asyncEngineCount: Any
    canMapHostMemory: Any
    canUseHostPointerForRegisteredMem: Any
    clusterLaunch: Any
    computePreemptionSupported: Any
    concurrentKernels: Any
    concurrentManagedAccess: Any
    cooperativeLaunch: Any
    deferredMappingCudaArraySupported: Any
    deviceNumaConfig: Any
    deviceNumaId: Any
    directManagedMemAccessFromHost: Any
    getPtr: Any
    globalL1CacheSupported: Any
    gpuDirectRDMAFlushWritesOptions: Any
    gpuDirectRDMASupported: Any
    gpuDirectRDMAWritesOrdering: Any
    gpuPciDeviceID: Any
    gpuPciSubsystemID: Any
    hostNativeAtomicSupported: Any
    hostNumaId: Any
    hostNumaMultinodeIpcSupported: Any
    hostRegisterReadOnlySupported: Any
    hostRegisterSupported: Any
    integrated: Any
    ipcEventSupported: Any
    isMultiGpuBoard: Any
    l2CacheSize: Any
    localL1CacheSupported: Any
    luid: Any
    luidDeviceNodeMask: Any
    major: Any
    managedMemory: Any
    maxBlocksPerMultiProcessor: Any
    maxGridSize: Any
    maxSurface1D: Any
    maxSurface1DLayered: Any
    maxSurface2D: Any
    maxSurface2DLayered: Any
    maxSurface3D: Any
    maxSurfaceCubemap: Any
    maxSurfaceCubemapLayered: Any
    maxTexture1D: Any
    maxTexture1DLayered: Any
    maxTexture1DMipmap: Any
    maxTexture2D: Any
    maxTexture2DGather: Any
    maxTexture2DLayered: Any
    maxTexture2DLinear: Any
    maxTexture2DMipmap: Any
    maxTexture3D: Any
    maxTexture3DAlt: Any
    maxTextureCubemap: Any
    maxTextureCubemapLayered: Any
    maxThreadsDim: Any
    maxThreadsPerBlock: Any
    maxThreadsPerMultiProcessor: Any
    memPitch: Any
    memoryBusWidth: Any
    memoryPoolSupportedHandleTypes: Any
    memoryPoolsSupported: Any
    minor: Any
    mpsEnabled: Any
    multiGpuBoardGroupID: Any
    multiProcessorCount: Any
    name: Any
    pageableMemoryAccess: Any
    pageableMemoryAccessUsesHostPageTables: Any
    pciBusID: Any
    pciDeviceID: Any
    pciDomainID: Any
    persistingL2CacheMaxSize: Any
    regsPerBlock: Any
    regsPerMultiprocessor: Any
    reservedSharedMemPerBlock: Any
    sharedMemPerBlock: Any
    sharedMemPerBlockOptin: Any
    sharedMemPerMultiprocessor: Any
    sparseCudaArraySupported: Any
    streamPrioritiesSupported: Any
    surfaceAlignment: Any
    tccDriver: Any
    textureAlignment: Any
    texturePitchAlignment: Any
    timelineSemaphoreInteropSupported: Any
    totalConstMem: Any
    totalGlobalMem: Any
    unifiedAddressing: Any
    unifiedFunctionPointers: Any
    uuid: Any
    warpSize: Any
class cudaEglFrame:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    eglColorFormat: Any
    frame: Any
    frameType: Any
    getPtr: Any
    planeCount: Any
    planeDesc: Any
class cudaEglFrame_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    eglColorFormat: Any
    frame: Any
    frameType: Any
    getPtr: Any
    planeCount: Any
    planeDesc: Any
class cudaEglPlaneDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    channelDesc: Any
    depth: Any
    getPtr: Any
    height: Any
    numChannels: Any
    pitch: Any
    width: Any
class cudaEglPlaneDesc_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    channelDesc: Any
    depth: Any
    getPtr: Any
    height: Any
    numChannels: Any
    pitch: Any
    width: Any
class cudaEglStreamConnection:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaEventRecordNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    ctx: Any
    event: Any
    getPtr: Any
class cudaEventWaitNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    event: Any
    getPtr: Any
class cudaEvent_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaExecutionContext_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaExtent:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    depth: Any
    getPtr: Any
    height: Any
    width: Any
class cudaExternalMemoryBufferDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    offset: Any
    size: Any
class cudaExternalMemoryHandleDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    handle: Any
    size: Any
    type: Any
class cudaExternalMemoryMipmappedArrayDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    extent: Any
    flags: Any
    formatDesc: Any
    getPtr: Any
    numLevels: Any
    offset: Any
class cudaExternalMemory_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaExternalSemaphoreHandleDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    handle: Any
    type: Any
class cudaExternalSemaphoreSignalNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    extSemArray: Any
    getPtr: Any
    numExtSems: Any
    paramsArray: Any
class cudaExternalSemaphoreSignalNodeParamsV2:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    ctx: Any
    extSemArray: Any
    getPtr: Any
    numExtSems: Any
    paramsArray: Any
class cudaExternalSemaphoreSignalParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    params: Any
class cudaExternalSemaphoreWaitNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    extSemArray: Any
    getPtr: Any
    numExtSems: Any
    paramsArray: Any
class cudaExternalSemaphoreWaitNodeParamsV2:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    ctx: Any
    extSemArray: Any
    getPtr: Any
    numExtSems: Any
    paramsArray: Any
class cudaExternalSemaphoreWaitParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    params: Any
class cudaExternalSemaphore_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaFuncAttributes:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    binaryVersion: Any
    cacheModeCA: Any
    clusterDimMustBeSet: Any
    clusterSchedulingPolicyPreference: Any
    constSizeBytes: Any
    deviceNodeUpdateStatus: Any
    getPtr: Any
    localSizeBytes: Any
    maxDynamicSharedSizeBytes: Any
    maxThreadsPerBlock: Any
    nonPortableClusterSizeAllowed: Any
    numRegs: Any
    preferredShmemCarveout: Any
    ptxVersion: Any
    requiredClusterDepth: Any
    requiredClusterHeight: Any
    requiredClusterWidth: Any
    sharedMemoryMode: Any
    sharedSizeBytes: Any
class cudaFunction_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaGraphConditionalHandle:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaGraphDeviceNode_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaGraphEdgeData:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    from_port: Any
    getPtr: Any
    to_port: Any
    type: Any
class cudaGraphEdgeData_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    from_port: Any
    getPtr: Any
    to_port: Any
    type: Any
class cudaGraphExecUpdateResultInfo:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    errorFromNode: Any
    errorNode: Any
    getPtr: Any
    result: Any
class cudaGraphExecUpdateResultInfo_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    errorFromNode: Any
    errorNode: Any
    getPtr: Any
    result: Any
class cudaGraphExec_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaGraphInstantiateParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    errNode_out: Any
    flags: Any
    getPtr: Any
    result_out: Any
    uploadStream: Any
class cudaGraphInstantiateParams_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    errNode_out: Any
    flags: Any
    getPtr: Any
    result_out: Any
    uploadStream: Any
class cudaGraphKernelNodeUpdate:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    field: Any
    getPtr: Any
    node: Any
    updateData: Any
class cudaGraphNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    alloc: Any
    conditional: Any
    eventRecord: Any
    eventWait: Any
    extSemSignal: Any
    extSemWait: Any
    free: Any
    getPtr: Any
    graph: Any
    host: Any
    kernel: Any
    memcpy: Any
    memset: Any
    type: Any
class cudaGraphNode_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaGraphRecaptureCallbackData:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    callbackFunc: Any
    getPtr: Any
    userData: Any
class cudaGraphRecaptureCallback_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaGraph_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaGraphicsResource_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaHostFn_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaHostNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    fn: Any
    getPtr: Any
    userData: Any
class cudaHostNodeParamsV2:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    ctx: Any
    fn: Any
    getPtr: Any
    syncMode: Any
    userData: Any
class cudaIpcEventHandle_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaIpcEventHandle_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaIpcMemHandle_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaIpcMemHandle_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaKernelNodeAttrValue:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    accessPolicyWindow: Any
    clusterDim: Any
    clusterSchedulingPolicyPreference: Any
    cooperative: Any
    deviceUpdatableKernelNode: Any
    getPtr: Any
    launchCompletionEvent: Any
    memSyncDomain: Any
    memSyncDomainMap: Any
    nvlinkUtilCentricScheduling: Any
    pad: Any
    portableClusterSizeMode: Any
    preferredClusterDim: Any
    priority: Any
    programmaticEvent: Any
    programmaticStreamSerializationAllowed: Any
    sharedMemCarveout: Any
    sharedMemoryMode: Any
    syncPolicy: Any
class cudaKernelNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    blockDim: Any
    extra: Any
    func: Any
    getPtr: Any
    gridDim: Any
    kernelParams: Any
    sharedMemBytes: Any
class cudaKernelNodeParamsV2:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    blockDim: Any
    ctx: Any
    cuFunc: Any
    extra: Any
    func: Any
    functionType: Any
    getPtr: Any
    gridDim: Any
    kern: Any
    kernelParams: Any
    sharedMemBytes: Any
class cudaKernel_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaLaunchAttribute:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    id: Any
    val: Any
class cudaLaunchAttributeValue:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    accessPolicyWindow: Any
    clusterDim: Any
    clusterSchedulingPolicyPreference: Any
    cooperative: Any
    deviceUpdatableKernelNode: Any
    getPtr: Any
    launchCompletionEvent: Any
    memSyncDomain: Any
    memSyncDomainMap: Any
    nvlinkUtilCentricScheduling: Any
    pad: Any
    portableClusterSizeMode: Any
    preferredClusterDim: Any
    priority: Any
    programmaticEvent: Any
    programmaticStreamSerializationAllowed: Any
    sharedMemCarveout: Any
    sharedMemoryMode: Any
    syncPolicy: Any
class cudaLaunchAttribute_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    id: Any
    val: Any
class cudaLaunchMemSyncDomainMap:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    default_: Any
    getPtr: Any
    remote: Any
class cudaLaunchMemSyncDomainMap_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    default_: Any
    getPtr: Any
    remote: Any
class cudaLibrary_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaLogIterator:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaLogsCallbackHandle:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaLogsCallback_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaMemAccessDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    location: Any
class cudaMemAllocNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    accessDescCount: Any
    accessDescs: Any
    bytesize: Any
    dptr: Any
    getPtr: Any
    poolProps: Any
class cudaMemAllocNodeParamsV2:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    accessDescCount: Any
    accessDescs: Any
    bytesize: Any
    dptr: Any
    getPtr: Any
    poolProps: Any
class cudaMemFabricHandle_st:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaMemFabricHandle_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaMemFreeNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    dptr: Any
    getPtr: Any
class cudaMemLocation:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    id: Any
    localized: Any
    type: Any
class cudaMemPoolProps:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    allocType: Any
    getPtr: Any
    handleTypes: Any
    location: Any
    maxSize: Any
    usage: Any
    win32SecurityAttributes: Any
class cudaMemPoolPtrExportData:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaMemPool_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaMemcpy3DBatchOp:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    dst: Any
    extent: Any
    flags: Any
    getPtr: Any
    src: Any
    srcAccessOrder: Any
class cudaMemcpy3DOperand:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    op: Any
    type: Any
class cudaMemcpy3DParms:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    dstArray: Any
    dstPos: Any
    dstPtr: Any
    extent: Any
    getPtr: Any
    kind: Any
    srcArray: Any
    srcPos: Any
    srcPtr: Any
class cudaMemcpy3DPeerParms:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    dstArray: Any
    dstDevice: Any
    dstPos: Any
    dstPtr: Any
    extent: Any
    getPtr: Any
    srcArray: Any
    srcDevice: Any
    srcPos: Any
    srcPtr: Any
class cudaMemcpyAttributes:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    dstLocHint: Any
    flags: Any
    getPtr: Any
    srcAccessOrder: Any
    srcLocHint: Any
class cudaMemcpyNodeParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    copyParams: Any
    ctx: Any
    flags: Any
    getPtr: Any
class cudaMemsetParams:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    dst: Any
    elementSize: Any
    getPtr: Any
    height: Any
    pitch: Any
    value: Any
    width: Any
class cudaMemsetParamsV2:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    ctx: Any
    dst: Any
    elementSize: Any
    getPtr: Any
    height: Any
    pitch: Any
    value: Any
    width: Any
class cudaMipmappedArray_const_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaMipmappedArray_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaOffset3D:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    x: Any
    y: Any
    z: Any
class cudaPitchedPtr:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    pitch: Any
    ptr: Any
    xsize: Any
    ysize: Any
class cudaPointerAttributes:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    device: Any
    devicePointer: Any
    getPtr: Any
    hostPointer: Any
    localityDomainOrdinal: Any
    type: Any
class cudaPos:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
    x: Any
    y: Any
    z: Any
class cudaResourceDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    flags: Any
    getPtr: Any
    res: Any
    resType: Any
class cudaResourceViewDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    depth: Any
    firstLayer: Any
    firstMipmapLevel: Any
    format: Any
    getPtr: Any
    height: Any
    lastLayer: Any
    lastMipmapLevel: Any
    width: Any
class cudaStreamAttrValue:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    accessPolicyWindow: Any
    clusterDim: Any
    clusterSchedulingPolicyPreference: Any
    cooperative: Any
    deviceUpdatableKernelNode: Any
    getPtr: Any
    launchCompletionEvent: Any
    memSyncDomain: Any
    memSyncDomainMap: Any
    nvlinkUtilCentricScheduling: Any
    pad: Any
    portableClusterSizeMode: Any
    preferredClusterDim: Any
    priority: Any
    programmaticEvent: Any
    programmaticStreamSerializationAllowed: Any
    sharedMemCarveout: Any
    sharedMemoryMode: Any
    syncPolicy: Any
class cudaStreamCallback_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaStream_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaSurfaceObject_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaTextureDesc:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    addressMode: Any
    borderColor: Any
    disableTrilinearOptimization: Any
    filterMode: Any
    getPtr: Any
    maxAnisotropy: Any
    maxMipmapLevelClamp: Any
    minMipmapLevelClamp: Any
    mipmapFilterMode: Any
    mipmapLevelBias: Any
    normalizedCoords: Any
    readMode: Any
    sRGB: Any
    seamlessCubemap: Any
class cudaTextureObject_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudaUUID_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    bytes: Any
    getPtr: Any
class cudaUserObject_t:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    getPtr: Any
class cudalibraryHostUniversalFunctionAndDataTable:
    def __init__(self, *arguments: Any, **named: Any) -> None: ...
    def __int__(self) -> int: ...
    dataTable: Any
    dataWindowSize: Any
    functionTable: Any
    functionWindowSize: Any
    getPtr: Any
def cudaArrayGetInfo(array: Any) -> tuple[Any, ...]: ...
def cudaArrayGetMemoryRequirements(array: Any, device: Any) -> tuple[Any, ...]: ...
def cudaArrayGetPlane(hArray: Any, planeIdx: Any) -> tuple[Any, ...]: ...
def cudaArrayGetSparseProperties(array: Any) -> tuple[Any, ...]: ...
def cudaChooseDevice(prop: Any) -> tuple[Any, ...]: ...
def cudaCreateChannelDesc(x: Any, y: Any, z: Any, w: Any, f: Any) -> tuple[Any, ...]: ...
def cudaCreateSurfaceObject(pResDesc: Any) -> tuple[Any, ...]: ...
def cudaCreateTextureObject(pResDesc: Any, pTexDesc: Any, pResViewDesc: Any) -> tuple[Any, ...]: ...
def cudaCtxResetPersistingL2Cache() -> tuple[Any, ...]: ...
def cudaDestroyExternalMemory(extMem: Any) -> tuple[Any, ...]: ...
def cudaDestroyExternalSemaphore(extSem: Any) -> tuple[Any, ...]: ...
def cudaDestroySurfaceObject(surfObject: Any) -> tuple[Any, ...]: ...
def cudaDestroyTextureObject(texObject: Any) -> tuple[Any, ...]: ...
def cudaDevResourceGenerateDesc(resources: Any, nbResources: Any) -> tuple[Any, ...]: ...
def cudaDevSmResourceSplit(nbGroups: Any, input_: Any, flags: Any, groupParams: Any) -> tuple[Any, ...]: ...
def cudaDevSmResourceSplitByCount(nbGroups: Any, input_: Any, flags: Any, minCount: Any) -> tuple[Any, ...]: ...
def cudaDeviceCanAccessPeer(device: Any, peerDevice: Any) -> tuple[Any, ...]: ...
def cudaDeviceDisablePeerAccess(peerDevice: Any) -> tuple[Any, ...]: ...
def cudaDeviceEnablePeerAccess(peerDevice: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaDeviceFlushGPUDirectRDMAWrites(target: Any, scope: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetAttribute(attr: Any, device: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetByPCIBusId(pciBusId: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetCacheConfig() -> tuple[Any, ...]: ...
def cudaDeviceGetDefaultMemPool(device: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetDevResource(device: Any, typename: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetExecutionCtx(device: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetGraphMemAttribute(device: Any, attr: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetHostAtomicCapabilities(operations: Any, count: Any, device: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetLimit(limit: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetMemPool(device: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetNvSciSyncAttributes(nvSciSyncAttrList: Any, device: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetP2PAtomicCapabilities(operations: Any, count: Any, srcDevice: Any, dstDevice: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetP2PAttribute(attr: Any, srcDevice: Any, dstDevice: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetPCIBusId(length: Any, device: Any) -> tuple[Any, ...]: ...
def cudaDeviceGetSharedMemConfig() -> tuple[Any, ...]: ...
def cudaDeviceGetStreamPriorityRange() -> tuple[Any, ...]: ...
def cudaDeviceGetTexture1DLinearMaxWidth(fmtDesc: Any, device: Any) -> tuple[Any, ...]: ...
def cudaDeviceGraphMemTrim(device: Any) -> tuple[Any, ...]: ...
def cudaDeviceRegisterAsyncNotification(device: Any, callbackFunc: Any, userData: Any) -> tuple[Any, ...]: ...
def cudaDeviceReset() -> tuple[Any, ...]: ...
def cudaDeviceSetCacheConfig(cacheConfig: Any) -> tuple[Any, ...]: ...
def cudaDeviceSetGraphMemAttribute(device: Any, attr: Any, value: Any) -> tuple[Any, ...]: ...
def cudaDeviceSetLimit(limit: Any, value: Any) -> tuple[Any, ...]: ...
def cudaDeviceSetMemPool(device: Any, memPool: Any) -> tuple[Any, ...]: ...
def cudaDeviceSetSharedMemConfig(config: Any) -> tuple[Any, ...]: ...
def cudaDeviceSynchronize() -> tuple[Any, ...]: ...
def cudaDeviceUnregisterAsyncNotification(device: Any, callback: Any) -> tuple[Any, ...]: ...
def cudaDriverGetVersion() -> tuple[Any, ...]: ...
def cudaEGLStreamConsumerAcquireFrame(conn: Any, pCudaResource: Any, pStream: Any, timeout: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamConsumerConnect(eglStream: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamConsumerConnectWithFlags(eglStream: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamConsumerDisconnect(conn: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamConsumerReleaseFrame(conn: Any, pCudaResource: Any, pStream: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamProducerConnect(eglStream: Any, width: Any, height: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamProducerDisconnect(conn: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamProducerPresentFrame(conn: Any, eglframe: Any, pStream: Any) -> tuple[Any, ...]: ...
def cudaEGLStreamProducerReturnFrame(conn: Any, eglframe: Any, pStream: Any) -> tuple[Any, ...]: ...
def cudaEventCreate() -> tuple[Any, ...]: ...
def cudaEventCreateFromEGLSync(eglSync: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaEventCreateWithFlags(flags: Any) -> tuple[Any, ...]: ...
def cudaEventDestroy(event: Any) -> tuple[Any, ...]: ...
def cudaEventElapsedTime(start: Any, end: Any) -> tuple[Any, ...]: ...
def cudaEventQuery(event: Any) -> tuple[Any, ...]: ...
def cudaEventRecord(event: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaEventRecordWithFlags(event: Any, stream: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaEventSynchronize(event: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxDestroy(ctx: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxGetDevResource(ctx: Any, typename: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxGetDevice(ctx: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxGetId(ctx: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxRecordEvent(ctx: Any, event: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxStreamCreate(ctx: Any, flags: Any, priority: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxSynchronize(ctx: Any) -> tuple[Any, ...]: ...
def cudaExecutionCtxWaitEvent(ctx: Any, event: Any) -> tuple[Any, ...]: ...
def cudaExternalMemoryGetMappedBuffer(extMem: Any, bufferDesc: Any) -> tuple[Any, ...]: ...
def cudaExternalMemoryGetMappedMipmappedArray(extMem: Any, mipmapDesc: Any) -> tuple[Any, ...]: ...
def cudaFree(devPtr: Any) -> tuple[Any, ...]: ...
def cudaFreeArray(array: Any) -> tuple[Any, ...]: ...
def cudaFreeAsync(devPtr: Any, hStream: Any) -> tuple[Any, ...]: ...
def cudaFreeHost(ptr: Any) -> tuple[Any, ...]: ...
def cudaFreeMipmappedArray(mipmappedArray: Any) -> tuple[Any, ...]: ...
def cudaFuncGetAttributes(func: Any) -> tuple[Any, ...]: ...
def cudaFuncGetParamCount(func: Any) -> tuple[Any, ...]: ...
def cudaFuncSetAttribute(func: Any, attr: Any, value: Any) -> tuple[Any, ...]: ...
def cudaFuncSetCacheConfig(func: Any, cacheConfig: Any) -> tuple[Any, ...]: ...
def cudaFuncSetSharedMemConfig(func: Any, config: Any) -> tuple[Any, ...]: ...
def cudaGLGetDevices(cudaDeviceCount: Any, deviceList: Any) -> tuple[Any, ...]: ...
def cudaGetChannelDesc(array: Any) -> tuple[Any, ...]: ...
def cudaGetDevice() -> tuple[Any, ...]: ...
def cudaGetDeviceCount() -> tuple[Any, ...]: ...
def cudaGetDeviceFlags() -> tuple[Any, ...]: ...
def cudaGetDeviceProperties(device: Any) -> tuple[Any, ...]: ...
def cudaGetDriverEntryPoint(symbol: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGetDriverEntryPointByVersion(symbol: Any, cudaVersion: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGetErrorName(error: Any) -> tuple[Any, ...]: ...
def cudaGetErrorString(error: Any) -> tuple[Any, ...]: ...
def cudaGetExportTable(pExportTableId: Any) -> tuple[Any, ...]: ...
def cudaGetKernel(entryFuncAddr: Any) -> tuple[Any, ...]: ...
def cudaGetLastError() -> tuple[Any, ...]: ...
def cudaGetMipmappedArrayLevel(mipmappedArray: Any, level: Any) -> tuple[Any, ...]: ...
def cudaGetSurfaceObjectResourceDesc(surfObject: Any) -> tuple[Any, ...]: ...
def cudaGetTextureObjectResourceDesc(texObject: Any) -> tuple[Any, ...]: ...
def cudaGetTextureObjectResourceViewDesc(texObject: Any) -> tuple[Any, ...]: ...
def cudaGetTextureObjectTextureDesc(texObject: Any) -> tuple[Any, ...]: ...
def cudaGraphAddChildGraphNode(graph: Any, pDependencies: Any, numDependencies: Any, childGraph: Any) -> tuple[Any, ...]: ...
def cudaGraphAddDependencies(graph: Any, from_: Any, to: Any, edgeData: Any, numDependencies: Any) -> tuple[Any, ...]: ...
def cudaGraphAddEmptyNode(graph: Any, pDependencies: Any, numDependencies: Any) -> tuple[Any, ...]: ...
def cudaGraphAddEventRecordNode(graph: Any, pDependencies: Any, numDependencies: Any, event: Any) -> tuple[Any, ...]: ...
def cudaGraphAddEventWaitNode(graph: Any, pDependencies: Any, numDependencies: Any, event: Any) -> tuple[Any, ...]: ...
def cudaGraphAddExternalSemaphoresSignalNode(graph: Any, pDependencies: Any, numDependencies: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphAddExternalSemaphoresWaitNode(graph: Any, pDependencies: Any, numDependencies: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphAddHostNode(graph: Any, pDependencies: Any, numDependencies: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphAddKernelNode(graph: Any, pDependencies: Any, numDependencies: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphAddMemAllocNode(graph: Any, pDependencies: Any, numDependencies: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphAddMemFreeNode(graph: Any, pDependencies: Any, numDependencies: Any, dptr: Any) -> tuple[Any, ...]: ...
def cudaGraphAddMemcpyNode(graph: Any, pDependencies: Any, numDependencies: Any, pCopyParams: Any) -> tuple[Any, ...]: ...
def cudaGraphAddMemcpyNode1D(graph: Any, pDependencies: Any, numDependencies: Any, dst: Any, src: Any, count: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaGraphAddMemsetNode(graph: Any, pDependencies: Any, numDependencies: Any, pMemsetParams: Any) -> tuple[Any, ...]: ...
def cudaGraphAddNode(graph: Any, pDependencies: Any, dependencyData: Any, numDependencies: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphChildGraphNodeGetGraph(node: Any) -> tuple[Any, ...]: ...
def cudaGraphClone(originalGraph: Any) -> tuple[Any, ...]: ...
def cudaGraphConditionalHandleCreate(graph: Any, defaultLaunchValue: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphConditionalHandleCreate_v2(graph: Any, ctx: Any, defaultLaunchValue: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphCreate(flags: Any) -> tuple[Any, ...]: ...
def cudaGraphDebugDotPrint(graph: Any, path: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphDestroy(graph: Any) -> tuple[Any, ...]: ...
def cudaGraphDestroyNode(node: Any) -> tuple[Any, ...]: ...
def cudaGraphEventRecordNodeGetEvent(node: Any) -> tuple[Any, ...]: ...
def cudaGraphEventRecordNodeSetEvent(node: Any, event: Any) -> tuple[Any, ...]: ...
def cudaGraphEventWaitNodeGetEvent(node: Any) -> tuple[Any, ...]: ...
def cudaGraphEventWaitNodeSetEvent(node: Any, event: Any) -> tuple[Any, ...]: ...
def cudaGraphExecChildGraphNodeSetParams(hGraphExec: Any, node: Any, childGraph: Any) -> tuple[Any, ...]: ...
def cudaGraphExecDestroy(graphExec: Any) -> tuple[Any, ...]: ...
def cudaGraphExecEventRecordNodeSetEvent(hGraphExec: Any, hNode: Any, event: Any) -> tuple[Any, ...]: ...
def cudaGraphExecEventWaitNodeSetEvent(hGraphExec: Any, hNode: Any, event: Any) -> tuple[Any, ...]: ...
def cudaGraphExecExternalSemaphoresSignalNodeSetParams(hGraphExec: Any, hNode: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExecExternalSemaphoresWaitNodeSetParams(hGraphExec: Any, hNode: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExecGetFlags(graphExec: Any) -> tuple[Any, ...]: ...
def cudaGraphExecGetId(hGraphExec: Any) -> tuple[Any, ...]: ...
def cudaGraphExecHostNodeSetParams(hGraphExec: Any, node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExecKernelNodeSetParams(hGraphExec: Any, node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExecMemcpyNodeSetParams(hGraphExec: Any, node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExecMemcpyNodeSetParams1D(hGraphExec: Any, node: Any, dst: Any, src: Any, count: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaGraphExecMemsetNodeSetParams(hGraphExec: Any, node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExecNodeSetParams(graphExec: Any, node: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExecUpdate(hGraphExec: Any, hGraph: Any) -> tuple[Any, ...]: ...
def cudaGraphExternalSemaphoresSignalNodeGetParams(hNode: Any) -> tuple[Any, ...]: ...
def cudaGraphExternalSemaphoresSignalNodeSetParams(hNode: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphExternalSemaphoresWaitNodeGetParams(hNode: Any) -> tuple[Any, ...]: ...
def cudaGraphExternalSemaphoresWaitNodeSetParams(hNode: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphGetEdges(graph: Any, numEdges: Any) -> tuple[Any, ...]: ...
def cudaGraphGetId(hGraph: Any) -> tuple[Any, ...]: ...
def cudaGraphGetNodes(graph: Any, numNodes: Any) -> tuple[Any, ...]: ...
def cudaGraphGetRootNodes(graph: Any, pNumRootNodes: Any) -> tuple[Any, ...]: ...
def cudaGraphHostNodeGetParams(node: Any) -> tuple[Any, ...]: ...
def cudaGraphHostNodeSetParams(node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphInstantiate(graph: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphInstantiateWithFlags(graph: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphInstantiateWithParams(graph: Any, instantiateParams: Any) -> tuple[Any, ...]: ...
def cudaGraphKernelNodeCopyAttributes(hDst: Any, hSrc: Any) -> tuple[Any, ...]: ...
def cudaGraphKernelNodeGetAttribute(hNode: Any, attr: Any) -> tuple[Any, ...]: ...
def cudaGraphKernelNodeGetParams(node: Any) -> tuple[Any, ...]: ...
def cudaGraphKernelNodeSetAttribute(hNode: Any, attr: Any, value: Any) -> tuple[Any, ...]: ...
def cudaGraphKernelNodeSetParams(node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphLaunch(graphExec: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaGraphMemAllocNodeGetParams(node: Any) -> tuple[Any, ...]: ...
def cudaGraphMemFreeNodeGetParams(node: Any) -> tuple[Any, ...]: ...
def cudaGraphMemcpyNodeGetParams(node: Any) -> tuple[Any, ...]: ...
def cudaGraphMemcpyNodeSetParams(node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphMemcpyNodeSetParams1D(node: Any, dst: Any, src: Any, count: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaGraphMemsetNodeGetParams(node: Any) -> tuple[Any, ...]: ...
def cudaGraphMemsetNodeSetParams(node: Any, pNodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeFindInClone(originalNode: Any, clonedGraph: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetContainingGraph(hNode: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetDependencies(node: Any, pNumDependencies: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetDependentNodes(node: Any, pNumDependentNodes: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetEnabled(hGraphExec: Any, hNode: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetLocalId(hNode: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetParams(node: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetToolsId(hNode: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeGetType(node: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeSetEnabled(hGraphExec: Any, hNode: Any, isEnabled: Any) -> tuple[Any, ...]: ...
def cudaGraphNodeSetParams(node: Any, nodeParams: Any) -> tuple[Any, ...]: ...
def cudaGraphReleaseUserObject(graph: Any, object: Any, count: Any) -> tuple[Any, ...]: ...
def cudaGraphRemoveDependencies(graph: Any, from_: Any, to: Any, edgeData: Any, numDependencies: Any) -> tuple[Any, ...]: ...
def cudaGraphRetainUserObject(graph: Any, object: Any, count: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphUpload(graphExec: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaGraphicsEGLRegisterImage(image: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphicsGLRegisterBuffer(buffer: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphicsGLRegisterImage(image: Any, target: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphicsMapResources(count: Any, resources: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaGraphicsResourceGetMappedEglFrame(resource: Any, index: Any, mipLevel: Any) -> tuple[Any, ...]: ...
def cudaGraphicsResourceGetMappedMipmappedArray(resource: Any) -> tuple[Any, ...]: ...
def cudaGraphicsResourceGetMappedPointer(resource: Any) -> tuple[Any, ...]: ...
def cudaGraphicsResourceSetMapFlags(resource: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphicsSubResourceGetMappedArray(resource: Any, arrayIndex: Any, mipLevel: Any) -> tuple[Any, ...]: ...
def cudaGraphicsUnmapResources(count: Any, resources: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaGraphicsUnregisterResource(resource: Any) -> tuple[Any, ...]: ...
def cudaGraphicsVDPAURegisterOutputSurface(vdpSurface: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGraphicsVDPAURegisterVideoSurface(vdpSurface: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaGreenCtxCreate(desc: Any, device: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaHostAlloc(size: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaHostGetDevicePointer(pHost: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaHostGetFlags(pHost: Any) -> tuple[Any, ...]: ...
def cudaHostRegister(ptr: Any, size: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaHostUnregister(ptr: Any) -> tuple[Any, ...]: ...
def cudaImportExternalMemory(memHandleDesc: Any) -> tuple[Any, ...]: ...
def cudaImportExternalSemaphore(semHandleDesc: Any) -> tuple[Any, ...]: ...
def cudaInitDevice(device: Any, deviceFlags: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaIpcCloseMemHandle(devPtr: Any) -> tuple[Any, ...]: ...
def cudaIpcGetEventHandle(event: Any) -> tuple[Any, ...]: ...
def cudaIpcGetMemHandle(devPtr: Any) -> tuple[Any, ...]: ...
def cudaIpcOpenEventHandle(handle: Any) -> tuple[Any, ...]: ...
def cudaIpcOpenMemHandle(handle: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaKernelSetAttributeForDevice(kernel: Any, attr: Any, value: Any, device: Any) -> tuple[Any, ...]: ...
def cudaLaunchHostFunc(stream: Any, fn: Any, userData: Any) -> tuple[Any, ...]: ...
def cudaLaunchHostFunc_v2(stream: Any, fn: Any, userData: Any, syncMode: Any) -> tuple[Any, ...]: ...
def cudaLibraryEnumerateKernels(numKernels: Any, lib: Any) -> tuple[Any, ...]: ...
def cudaLibraryGetGlobal(library: Any, name: Any) -> tuple[Any, ...]: ...
def cudaLibraryGetKernel(library: Any, name: Any) -> tuple[Any, ...]: ...
def cudaLibraryGetKernelCount(lib: Any) -> tuple[Any, ...]: ...
def cudaLibraryGetManaged(library: Any, name: Any) -> tuple[Any, ...]: ...
def cudaLibraryGetUnifiedFunction(library: Any, symbol: Any) -> tuple[Any, ...]: ...
def cudaLibraryLoadData(code: Any, jitOptions: Any, jitOptionsValues: Any, numJitOptions: Any, libraryOptions: Any, libraryOptionValues: Any, numLibraryOptions: Any) -> tuple[Any, ...]: ...
def cudaLibraryLoadFromFile(fileName: Any, jitOptions: Any, jitOptionsValues: Any, numJitOptions: Any, libraryOptions: Any, libraryOptionValues: Any, numLibraryOptions: Any) -> tuple[Any, ...]: ...
def cudaLibraryUnload(library: Any) -> tuple[Any, ...]: ...
def cudaLogsCurrent(flags: Any) -> tuple[Any, ...]: ...
def cudaLogsDumpToFile(iterator: Any, pathToFile: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaLogsDumpToMemory(iterator: Any, buffer: Any, size: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaLogsRegisterCallback(callbackFunc: Any, userData: Any) -> tuple[Any, ...]: ...
def cudaLogsUnregisterCallback(callback: Any) -> tuple[Any, ...]: ...
def cudaMalloc(size: Any) -> tuple[Any, ...]: ...
def cudaMalloc3D(extent: Any) -> tuple[Any, ...]: ...
def cudaMalloc3DArray(desc: Any, extent: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaMallocArray(desc: Any, width: Any, height: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaMallocAsync(size: Any, hStream: Any) -> tuple[Any, ...]: ...
def cudaMallocFromPoolAsync(size: Any, memPool: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMallocHost(size: Any) -> tuple[Any, ...]: ...
def cudaMallocManaged(size: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaMallocMipmappedArray(desc: Any, extent: Any, numLevels: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaMallocPitch(width: Any, height: Any) -> tuple[Any, ...]: ...
def cudaMemAdvise(devPtr: Any, count: Any, advice: Any, location: Any) -> tuple[Any, ...]: ...
def cudaMemDiscardAndPrefetchBatchAsync(dptrs: Any, sizes: Any, count: Any, prefetchLocs: Any, prefetchLocIdxs: Any, numPrefetchLocs: Any, flags: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemDiscardBatchAsync(dptrs: Any, sizes: Any, count: Any, flags: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemGetDefaultMemPool(location: Any, typename: Any) -> tuple[Any, ...]: ...
def cudaMemGetInfo() -> tuple[Any, ...]: ...
def cudaMemGetLocationInfo(devPtr: Any, size: Any, summaryGranularity: Any, samplingGranularity: Any, location_out: Any) -> tuple[Any, ...]: ...
def cudaMemGetMemPool(location: Any, typename: Any) -> tuple[Any, ...]: ...
def cudaMemPoolCreate(poolProps: Any) -> tuple[Any, ...]: ...
def cudaMemPoolDestroy(memPool: Any) -> tuple[Any, ...]: ...
def cudaMemPoolExportPointer(ptr: Any) -> tuple[Any, ...]: ...
def cudaMemPoolExportToShareableHandle(memPool: Any, handleType: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaMemPoolGetAccess(memPool: Any, location: Any) -> tuple[Any, ...]: ...
def cudaMemPoolGetAttribute(memPool: Any, attr: Any) -> tuple[Any, ...]: ...
def cudaMemPoolImportFromShareableHandle(shareableHandle: Any, handleType: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaMemPoolImportPointer(memPool: Any, exportData: Any) -> tuple[Any, ...]: ...
def cudaMemPoolSetAccess(memPool: Any, descList: Any, count: Any) -> tuple[Any, ...]: ...
def cudaMemPoolSetAttribute(memPool: Any, attr: Any, value: Any) -> tuple[Any, ...]: ...
def cudaMemPoolTrimTo(memPool: Any, minBytesToKeep: Any) -> tuple[Any, ...]: ...
def cudaMemPrefetchAsync(devPtr: Any, count: Any, location: Any, flags: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemPrefetchBatchAsync(dptrs: Any, sizes: Any, count: Any, prefetchLocs: Any, prefetchLocIdxs: Any, numPrefetchLocs: Any, flags: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemRangeGetAttribute(dataSize: Any, attribute: Any, devPtr: Any, count: Any) -> tuple[Any, ...]: ...
def cudaMemRangeGetAttributes(dataSizes: Any, attributes: Any, numAttributes: Any, devPtr: Any, count: Any) -> tuple[Any, ...]: ...
def cudaMemSetMemPool(location: Any, typename: Any, memPool: Any) -> tuple[Any, ...]: ...
def cudaMemcpy(dst: Any, src: Any, count: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpy2D(dst: Any, dpitch: Any, src: Any, spitch: Any, width: Any, height: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpy2DArrayToArray(dst: Any, wOffsetDst: Any, hOffsetDst: Any, src: Any, wOffsetSrc: Any, hOffsetSrc: Any, width: Any, height: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpy2DAsync(dst: Any, dpitch: Any, src: Any, spitch: Any, width: Any, height: Any, kind: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpy2DFromArray(dst: Any, dpitch: Any, src: Any, wOffset: Any, hOffset: Any, width: Any, height: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpy2DFromArrayAsync(dst: Any, dpitch: Any, src: Any, wOffset: Any, hOffset: Any, width: Any, height: Any, kind: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpy2DToArray(dst: Any, wOffset: Any, hOffset: Any, src: Any, spitch: Any, width: Any, height: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpy2DToArrayAsync(dst: Any, wOffset: Any, hOffset: Any, src: Any, spitch: Any, width: Any, height: Any, kind: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpy3D(p: Any) -> tuple[Any, ...]: ...
def cudaMemcpy3DAsync(p: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpy3DBatchAsync(numOps: Any, opList: Any, flags: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpy3DPeer(p: Any) -> tuple[Any, ...]: ...
def cudaMemcpy3DPeerAsync(p: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpy3DWithAttributesAsync(op: Any, flags: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpyArrayToArray(dst: Any, wOffsetDst: Any, hOffsetDst: Any, src: Any, wOffsetSrc: Any, hOffsetSrc: Any, count: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpyAsync(dst: Any, src: Any, count: Any, kind: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpyBatchAsync(dsts: Any, srcs: Any, sizes: Any, count: Any, attrs: Any, attrsIdxs: Any, numAttrs: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpyFromArray(dst: Any, src: Any, wOffset: Any, hOffset: Any, count: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpyFromArrayAsync(dst: Any, src: Any, wOffset: Any, hOffset: Any, count: Any, kind: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpyPeer(dst: Any, dstDevice: Any, src: Any, srcDevice: Any, count: Any) -> tuple[Any, ...]: ...
def cudaMemcpyPeerAsync(dst: Any, dstDevice: Any, src: Any, srcDevice: Any, count: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpyToArray(dst: Any, wOffset: Any, hOffset: Any, src: Any, count: Any, kind: Any) -> tuple[Any, ...]: ...
def cudaMemcpyToArrayAsync(dst: Any, wOffset: Any, hOffset: Any, src: Any, count: Any, kind: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemcpyWithAttributesAsync(dst: Any, src: Any, size: Any, attr: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemset(devPtr: Any, value: Any, count: Any) -> tuple[Any, ...]: ...
def cudaMemset2D(devPtr: Any, pitch: Any, value: Any, width: Any, height: Any) -> tuple[Any, ...]: ...
def cudaMemset2DAsync(devPtr: Any, pitch: Any, value: Any, width: Any, height: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemset3D(pitchedDevPtr: Any, value: Any, extent: Any) -> tuple[Any, ...]: ...
def cudaMemset3DAsync(pitchedDevPtr: Any, value: Any, extent: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMemsetAsync(devPtr: Any, value: Any, count: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaMipmappedArrayGetMemoryRequirements(mipmap: Any, device: Any) -> tuple[Any, ...]: ...
def cudaMipmappedArrayGetSparseProperties(mipmap: Any) -> tuple[Any, ...]: ...
def cudaOccupancyAvailableDynamicSMemPerBlock(func: Any, numBlocks: Any, blockSize: Any) -> tuple[Any, ...]: ...
def cudaOccupancyMaxActiveBlocksPerMultiprocessor(func: Any, blockSize: Any, dynamicSMemSize: Any) -> tuple[Any, ...]: ...
def cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(func: Any, blockSize: Any, dynamicSMemSize: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaPeekAtLastError() -> tuple[Any, ...]: ...
def cudaPointerGetAttributes(ptr: Any) -> tuple[Any, ...]: ...
def cudaProfilerStart() -> tuple[Any, ...]: ...
def cudaProfilerStop() -> tuple[Any, ...]: ...
def cudaRuntimeGetVersion() -> tuple[Any, ...]: ...
def cudaSetDevice(device: Any) -> tuple[Any, ...]: ...
def cudaSetDeviceFlags(flags: Any) -> tuple[Any, ...]: ...
def cudaSignalExternalSemaphoresAsync(extSemArray: Any, paramsArray: Any, numExtSems: Any, stream: Any) -> tuple[Any, ...]: ...
def cudaStreamAddCallback(stream: Any, callback: Any, userData: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaStreamAttachMemAsync(stream: Any, devPtr: Any, length: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaStreamBeginCapture(stream: Any, mode: Any) -> tuple[Any, ...]: ...
def cudaStreamBeginCaptureToGraph(stream: Any, graph: Any, dependencies: Any, dependencyData: Any, numDependencies: Any, mode: Any) -> tuple[Any, ...]: ...
def cudaStreamBeginRecaptureToGraph(stream: Any, mode: Any, graph: Any, callbackData: Any) -> tuple[Any, ...]: ...
def cudaStreamCopyAttributes(dst: Any, src: Any) -> tuple[Any, ...]: ...
def cudaStreamCreate() -> tuple[Any, ...]: ...
def cudaStreamCreateWithFlags(flags: Any) -> tuple[Any, ...]: ...
def cudaStreamCreateWithPriority(flags: Any, priority: Any) -> tuple[Any, ...]: ...
def cudaStreamDestroy(stream: Any) -> tuple[Any, ...]: ...
def cudaStreamEndCapture(stream: Any) -> tuple[Any, ...]: ...
def cudaStreamGetAttribute(hStream: Any, attr: Any) -> tuple[Any, ...]: ...
def cudaStreamGetCaptureInfo(stream: Any) -> tuple[Any, ...]: ...
def cudaStreamGetDevResource(hStream: Any, typename: Any) -> tuple[Any, ...]: ...
def cudaStreamGetDevice(hStream: Any) -> tuple[Any, ...]: ...
def cudaStreamGetFlags(hStream: Any) -> tuple[Any, ...]: ...
def cudaStreamGetId(hStream: Any) -> tuple[Any, ...]: ...
def cudaStreamGetPriority(hStream: Any) -> tuple[Any, ...]: ...
def cudaStreamIsCapturing(stream: Any) -> tuple[Any, ...]: ...
def cudaStreamQuery(stream: Any) -> tuple[Any, ...]: ...
def cudaStreamSetAttribute(hStream: Any, attr: Any, value: Any) -> tuple[Any, ...]: ...
def cudaStreamSynchronize(stream: Any) -> tuple[Any, ...]: ...
def cudaStreamUpdateCaptureDependencies(stream: Any, dependencies: Any, dependencyData: Any, numDependencies: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaStreamWaitEvent(stream: Any, event: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaThreadExchangeStreamCaptureMode(mode: Any) -> tuple[Any, ...]: ...
def cudaUserObjectCreate(ptr: Any, destroy: Any, initialRefcount: Any, flags: Any) -> tuple[Any, ...]: ...
def cudaUserObjectRelease(object: Any, count: Any) -> tuple[Any, ...]: ...
def cudaUserObjectRetain(object: Any, count: Any) -> tuple[Any, ...]: ...
def cudaVDPAUGetDevice(vdpDevice: Any, vdpGetProcAddress: Any) -> tuple[Any, ...]: ...
def cudaVDPAUSetVDPAUDevice(device: Any, vdpDevice: Any, vdpGetProcAddress: Any) -> tuple[Any, ...]: ...
def cudaWaitExternalSemaphoresAsync(extSemArray: Any, paramsArray: Any, numExtSems: Any, stream: Any) -> tuple[Any, ...]: ...
